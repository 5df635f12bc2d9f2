"""Look for a learning rate: train with one that grows, plot the loss."""
import argparse
import sys
from pathlib import Path

import mmfusion  # noqa: F401  (teaches mmengine the names of our configs)
from mmfusion.cli.flags import add_config, add_device
from mmfusion.cli.legacy import read_config, run
from mmfusion.cli.outputs import refuse_sources


def parse_args(argv=None):
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add_config(parser)
    add('--start', type=float, default=1e-7, help='default %(default)s')
    add('--end', type=float, default=10., help='default %(default)s')
    add('--iters', type=int, default=100, help='default %(default)s')
    add('--out-dir', metavar='DIR', help='default work_dirs/CONFIG')
    add_device(parser)
    return parser.parse_args(argv)


def main():
    args = parse_args()
    refuse_sources(args, 'out_dir')
    from mmengine.device import get_device

    from mmfusion.analysis.lr_finder import run_finder, suggest, write_curve
    from mmfusion.utils.config_file import default_work_dir
    cfg = read_config(args)
    curve = run_finder(cfg, args.device or get_device(), start=args.start,
                       end=args.end, iters=args.iters)
    folder = Path(args.out_dir or default_work_dir(cfg))
    write_curve(curve, folder)
    rates = suggest(curve)
    print(f'{len(curve)} steps, curve in {folder / "lr_find.csv"}')
    print('steepest descent: ' +
          ('none, the loss never fell' if rates['steepest'] is
           None else f'lr = {rates["steepest"]:.3g}'))
    print(f'a tenth of the lowest loss\'s: lr = {rates["tenth"]:.3g}')
    return 0


if __name__ == '__main__':
    sys.exit(run(main))
