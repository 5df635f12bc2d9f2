"""Measure folders of fused images; see --help and docs/evaluation.md."""
import argparse
import os
import sys

if __name__ == '__main__':
    # Images are spread over processes: before NumPy is there, one thread
    # each.
    for _name in ('OMP_NUM_THREADS', 'OPENBLAS_NUM_THREADS',
                  'MKL_NUM_THREADS'):
        os.environ.setdefault(_name, '1')

from mmfusion.cli.flags import add_pair_folders  # noqa: E402
from mmfusion.cli.legacy import UsageError, run  # noqa: E402


def parse_args():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        '--fused', nargs='+', metavar='[NAME=]DIR',
        help='fused images of one method or several; files match by stem')
    add_pair_folders(parser, 'what --vis and --ir hold; default ivf')
    parser.add_argument(
        '--sources', nargs='+', metavar='[NAME=]DIR',
        help='instead of --vis and --ir: two or more source folders')
    for name, *others in (['fused'], ['vis', 'first'], ['ir', 'second']):
        parser.add_argument(
            f'--{name}-stem', *(f'--{other}-stem'
                                for other in others), default='{stem}',
            metavar='RULE', help=f'names of the files of --{name}, e.g. ' +
            ("'{stem}_{method}'" if name == 'fused' else f"'{name}_{{stem}}'"))
    parser.add_argument('--stems', metavar='FILE',
                        help='measure these alone; one a line')
    parser.add_argument('--preset', default='default',
                        help='default, film, vifb, ...')
    parser.add_argument(
        '--metrics', nargs='+', metavar='NAME',
        help="EN,SD,SSIM:film; 'all'; default the columns of the preset")
    parser.add_argument('--channels',
                        help='gray or rgb; default what the preset says')
    parser.add_argument('--grey', default='bt601', metavar='RULE',
                        help='see --list')
    parser.add_argument(
        '--stretch', default='none',
        help='none, round or trunc: fused images to 0..255 before')
    parser.add_argument(
        '--no-quantize', action='store_true',
        help='do not round files of more than 8 bits to 256 levels')
    parser.add_argument(
        '--data-range', type=float, metavar='WHITE',
        help='value that is white in files of more than 8 bits')
    parser.add_argument('--workers', type=int,
                        help='processes; default one a core')
    parser.add_argument('--out', metavar='DIR', help='where results go')
    parser.add_argument('--restart', action='store_true',
                        help='forget what an earlier run left in --out')
    parser.add_argument('--list', action='store_true',
                        help='print metrics and presets')
    return parser.parse_args()


def main():
    args = parse_args()
    if args.list:
        from mmfusion.evaluation.listing import list_metrics
        print(list_metrics())
        return 0
    missing = [
        f'--{name}' for name in ('fused', 'out') if not getattr(args, name)
    ]
    if missing:
        raise UsageError(f'Expected {" and ".join(missing)}, or --list.')
    from mmfusion.evaluation import folders
    try:
        evaluation = folders.from_arguments(args)
    except ValueError as error:
        raise UsageError(str(error)) from error
    try:
        scores = evaluation.run(args.workers)
    except RuntimeError as error:
        raise UsageError(f'{error} What is measured is kept.') from error
    if scores.table.images:
        print(scores.table.to_markdown(['mean']))
        print(f'wrote {args.out}')
    for problem in scores.problems:
        print(f'problem: {problem}', file=sys.stderr)
    return int(bool(scores.problems))


if __name__ == '__main__':
    sys.exit(run(main))
