"""Score a student on pairs whose infrared image is shifted.

Compares to the teacher's images of the pairs as they are, with and without
the model's registration head, and prints a table.
"""
import argparse
import sys

from mmfusion.cli.flags import add_config, add_device, one_of
from mmfusion.cli.legacy import read_config, run
from mmfusion.cli.outputs import refuse_sources
from mmfusion.utils.config_file import require_file
from mmfusion.utils.progress import announce


def length(text):
    value = float(text)
    if not 0 <= value < float('inf'):
        raise argparse.ArgumentTypeError(
            f'expected pixels, at least 0, got {text}')
    return value


def count(text):
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(
            f'expected a whole number, at least 1, got {text}')
    return int(text)


def parse_args():
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add_config(parser)
    add('checkpoint')
    add('--shifts', nargs='+', type=length, default=[0., 5., 10., 20.],
        metavar='PX', help='lengths in pixels (default: 0 5 10 20)')
    add('--directions', type=count, default=4, metavar='N',
        help='evenly around the circle (default: %(default)s)')
    add('--registration', **one_of(('both', 'on', 'off')),
        help='default: both where the model has a head, else off')
    add('--csv', metavar='FILE', help='write the table there, too')
    add_device(parser)
    return parser.parse_args()


def main():
    args = parse_args()
    refuse_sources(args, 'csv')
    cfg = read_config(args)
    checkpoint = require_file(args.checkpoint, 'a checkpoint file',
                              'Train one with tools/train.py.')
    from mmengine.device import get_device
    from mmengine.registry import init_default_scope

    from mmfusion.analysis.misalignment import (MODES, as_markdown,
                                                misalignment_scores,
                                                write_rows)
    from mmfusion.apis.inferencer import init_model
    init_default_scope(cfg.default_scope)
    model = init_model(cfg, checkpoint, args.device or get_device(),
                       optimize=False)
    choice = args.registration or ('off'
                                   if model.registration is None else 'both')
    rows, failed = misalignment_scores(model, cfg, args.shifts,
                                       args.directions,
                                       MODES if choice == 'both' else [choice])
    print(as_markdown(rows))
    if args.csv:
        write_rows(args.csv, rows)
        print(f'wrote {args.csv}')
    announce(failed, 'failed')
    return int(bool(failed))


if __name__ == '__main__':
    sys.exit(run(main))
