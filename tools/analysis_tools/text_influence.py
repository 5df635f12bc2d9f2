"""How much the text changes the fused images of a text-guided fuser.

Fuses each pair of a config's fusion set with its own text and with that of
another pair, and compares both images.
"""
import argparse
import sys

from mmfusion.cli.flags import add_config, add_device
from mmfusion.cli.legacy import read_config, run
from mmfusion.utils.config_file import require_file
from mmfusion.utils.progress import announce


def parse_args():
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    add_config(parser)
    parser.add_argument('checkpoint')
    parser.add_argument(
        '--swap', type=int, default=1, metavar='N',
        help='take the text of the pair N further on (default: %(default)s)')
    add_device(parser)
    return parser.parse_args()


def main():
    args = parse_args()
    cfg = read_config(args)
    checkpoint = require_file(args.checkpoint, 'a checkpoint file',
                              'Train one with tools/train.py.')
    from mmengine.device import get_device
    from mmengine.registry import init_default_scope

    from mmfusion.analysis.text_influence import text_influence
    from mmfusion.apis.fusing import fusion_set
    from mmfusion.apis.model_loading import init_model
    init_default_scope(cfg.default_scope)
    model = init_model(cfg, checkpoint, args.device or get_device(),
                       fuser_is_enough=True)
    found = text_influence(model, fusion_set(cfg)[0], args.swap)
    print('| pairs | mean change, grey levels | largest |\n|---|---|---|\n'
          f'| {found["pairs"]} | {found["mean_change"]:.3f} | '
          f'{found["largest_change"]:.1f} |')
    announce(found['names'], 'failed')
    return int(bool(found['names']))


if __name__ == '__main__':
    sys.exit(run(main))
