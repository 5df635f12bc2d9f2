"""Write panels of a dataset's samples as a model gets them."""
import argparse
import sys

from mmfusion.cli.flags import add_config, add_overwrite, one_of
from mmfusion.cli.legacy import read_config, run


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    add_config(parser)
    parser.add_argument('--output-dir', required=True, metavar='DIR')
    parser.add_argument('--phase', **one_of(
        ('train', 'val', 'test', 'fusion')), default='train',
                        help='whose dataloader; train shows the augmentation')
    parser.add_argument('--number', type=int, help='how many; default all')
    add_overwrite(parser)
    args = parser.parse_args()
    cfg = read_config(args)
    from mmfusion.analysis.browsing import browse_dataset
    files = browse_dataset(cfg, args.output_dir, args.phase, args.number,
                           args.overwrite)
    print(f'wrote {len(files)} panels to {args.output_dir}')


if __name__ == '__main__':
    sys.exit(run(main))
