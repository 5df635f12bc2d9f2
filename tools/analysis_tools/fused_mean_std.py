"""Mean and standard deviation of fused images, for a segmentor's input."""
import argparse
import sys

from mmfusion.cli.flags import add_config, add_device
from mmfusion.cli.legacy import UsageError, read_config, run
from mmfusion.utils.config_file import require_file


def parse_args():
    parser = argparse.ArgumentParser(description=__doc__)
    add_config(parser, nargs='?')
    parser.add_argument('checkpoint', nargs='?')
    parser.add_argument('--images', metavar='DIR',
                        help='images that are fused already')
    add_device(parser)
    return parser.parse_args()


def main():
    args = parse_args()
    if bool(args.images) == bool(args.checkpoint):
        raise UsageError('Expected either CONFIG and CHECKPOINT, or --images '
                         'DIR.')
    if args.images:
        from mmfusion.analysis import fused_statistics
        images = fused_statistics.read_folder(args.images)
    else:
        cfg = read_config(args)
        checkpoint = require_file(args.checkpoint, 'a checkpoint file',
                                  'Train one with tools/train.py.')
        from mmengine.device import get_device
        from mmengine.registry import init_default_scope

        from mmfusion.analysis import fused_statistics
        from mmfusion.apis.fusing import fusion_set
        from mmfusion.apis.model_loading import init_model
        init_default_scope(cfg.default_scope)
        reader, workers = fusion_set(cfg)
        model = init_model(cfg, checkpoint, args.device or get_device(),
                           fuser_is_enough=True)
        images = fused_statistics.fuse_all(model, reader, workers)
    statistics = fused_statistics.ChannelStatistics()
    for image in images:
        statistics.add(image)
    mean, std = statistics.result()
    for name, values in (('task_mean', mean), ('task_std', std)):
        print(f'{name}=[{", ".join(f"{value:.3f}" for value in values)}],')


if __name__ == '__main__':
    sys.exit(run(main))
