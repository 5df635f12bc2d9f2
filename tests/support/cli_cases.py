"""A config and a command line that is applied to it."""
import contextlib
from unittest import mock

from mmengine.config import Config

from mmfusion.cli import legacy
from mmfusion.cli import test as test_tool
from mmfusion.cli import train as train_tool


def make_config(**extra):
    cfg = Config(
        dict(model=dict(type='FuserSegmenter', fuser=dict(type='X')),
             test_dataloader=dict(dataset=dict(type='D', pipeline=['plain'])),
             test_evaluator=dict(type='mmseg.IoUMetric',
                                 iou_metrics=['mIoU']), val_cfg=dict(),
             val_dataloader=dict(), val_evaluator=dict(type='mmseg.IoUMetric'),
             optim_wrapper=dict(type='OptimWrapper'),
             default_hooks=dict(visualization=dict(type='Hook')),
             visualizer=dict(type='FusionLocalVisualizer'),
             tta_model=dict(type='FuserSegTTAModel'),
             tta_pipeline=['augmented'], work_dir='from_config'))
    cfg.merge_from_dict(extra)
    return cfg


class Stopped(Exception):
    """Instead of a runner."""


def run(tool, *flags, cfg=None, device='cpu'):
    """The config that a runner would get, and the announced lines."""
    files = ['cfg.py'] if tool == 'train' else ['cfg.py', __file__]
    args, lines = legacy.parse(tool, [*files, *flags])

    def read(name, options, scale=None):
        read_cfg = Config((cfg or make_config()).to_dict(), filename=__file__)
        read_cfg.merge_from_dict(options)
        return read_cfg

    main = (train_tool if tool == 'train' else test_tool).main
    with contextlib.ExitStack() as stack:
        for name, value in (('mmfusion.cli.legacy.load_config',
                             read), ('mmfusion.cli.legacy.find_config', print),
                            ('mmfusion.apis.training.get_device',
                             lambda: device),
                            ('mmfusion.apis.training.claimed',
                             contextlib.nullcontext)):
            stack.enter_context(mock.patch(name, value))
        stack.enter_context(mock.patch.dict('os.environ'))
        build = stack.enter_context(
            mock.patch(f'mmfusion.apis.{tool}ing.build_runner',
                       side_effect=Stopped))
        stack.enter_context(contextlib.suppress(Stopped))
        main([*files, *flags])
    return build.call_args.args[0], lines
