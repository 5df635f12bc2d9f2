"""Make synthetic street scenes: visible, infrared and label images.

Layout: OUT/{train,val}/{vis,ir,label}/NAME.png, OUT/meta.json, and boxes
for detection in OUT/annotations/{train,val}.json (COCO).
The same arguments give the same files; an interrupted run goes on where
it stopped.
"""
import argparse
import os
import sys

from mmfusion.cli.legacy import run
from mmfusion.datasets.synthetic import write_dataset


def parse_args(argv=None):
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument('--out', default='data/synthetic_rgbt',
                        help='output folder')
    parser.add_argument('--train', type=int, default=160,
                        help='training pairs')
    parser.add_argument('--val', type=int, default=40, help='validation pairs')
    parser.add_argument('--size', type=int, nargs=2, default=(480, 640),
                        metavar=('HEIGHT', 'WIDTH'), help='size in pixels')
    parser.add_argument('--seed', type=int, default=0, help='random seed')
    parser.add_argument('--workers', type=int,
                        default=min(os.cpu_count() or 1, 8),
                        help='processes; 0 and 1 work without further ones')
    parser.add_argument('--night-ratio', type=float, default=0.5,
                        help='share of night scenes, 0 to 1')
    parser.add_argument('--overwrite', action='store_true',
                        help='make existing pairs again')
    return parser, parser.parse_args(argv)


def main(argv=None) -> None:
    """Write the data set; bad arguments end with status 2."""
    parser, args = parse_args(argv)
    try:
        meta = write_dataset(**vars(args))
    except (ValueError, OSError) as error:
        parser.error(str(error))
    counts = {
        split: len(stems) for split, stems in meta['time_of_day'].items()
    }
    print(f'{args.out}: {counts["train"]} training and {counts["val"]} '
          f'validation pairs of {meta["size"][0]}x{meta["size"][1]}')


if __name__ == '__main__':
    sys.exit(run(main))
