"""Export every fuser in every format and opset; a table of differences.

    python tools/deployment/export_matrix.py --json matrix.json

Each cell is the largest difference to PyTorch of a file that was written
and run. Exit code 1 if one that is flagged exportable has no file within
1e-4; reasons go to stderr.
"""
import argparse
import sys

from mmfusion.cli.flags import add_shape, one_of
from mmfusion.cli.legacy import run
from mmfusion.cli.outputs import refuse_sources


def parse_args():
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--fusers', nargs='+', metavar='NAME',
                        help='default all registered')
    parser.add_argument('--formats', nargs='+',
                        **one_of(('onnx', 'torchscript', 'torch_export')),
                        default=('onnx', 'torchscript', 'torch_export'))
    parser.add_argument('--opsets', nargs='+', type=int,
                        default=tuple(range(11, 21)))
    add_shape(parser, (96, 128))
    parser.add_argument('--dynamic', action='store_true',
                        help='files of variable size')
    parser.add_argument('--slim', action='store_true',
                        help='narrow variants: all operators, little time')
    parser.add_argument('--out', metavar='FILE', help='also write Markdown')
    parser.add_argument('--json', metavar='FILE', help='also write JSON')
    return parser.parse_args()


def main():
    args = parse_args()
    refuse_sources(args, 'out', 'json')
    import torch
    from mmengine.utils import ProgressBar

    from mmfusion.deployment.matrix import (columns, export_matrix,
                                            failed_cells, matrix_table)
    from mmfusion.deployment.slim_fusers import SLIM_FUSERS, registered_fusers
    from mmfusion.utils.errors import UsageError
    from mmfusion.utils.files import write_json, write_text
    known = registered_fusers()
    names = args.fusers or known
    unknown = sorted(set(names) - set(known))
    if unknown:
        raise UsageError(f'Expected fusers of {known}, got {unknown}.')
    fusers = {
        name: dict(type=name,
                   **(SLIM_FUSERS.get(name, {}) if args.slim else {}))
        for name in names
    }
    total = len(fusers) * len(columns(args.formats, args.opsets))
    bar = ProgressBar(total, file=sys.stderr)
    results = export_matrix(fusers, args.formats, args.opsets, args.shape,
                            args.dynamic, bar.update)
    print(file=sys.stderr)
    table = matrix_table(results)
    print(table)
    if args.out:
        write_text(args.out, f'{table}\n')
    if args.json:
        write_json(
            args.json,
            dict(shape=list(args.shape), dynamic=args.dynamic, slim=args.slim,
                 torch=torch.__version__, matrix=results))
    failures = failed_cells(results)
    for failure in failures:
        print(f'failed: {failure}', file=sys.stderr)
    return int(bool(failures))


if __name__ == '__main__':
    sys.exit(run(main))
