"""A config and a command line that is applied to it."""
from mmengine.config import Config

from mmfusion.cli.apply import apply_to_config
from mmfusion.cli.legacy import parse


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


def run(tool, *flags, cfg=None, device='cpu'):
    """The config after the flags, and the announced lines."""
    files = ['cfg.py'] if tool == 'train' else ['cfg.py', 'model.pth']
    args, lines = parse(tool, [*files, *flags])
    return apply_to_config(cfg or make_config(), args, device), lines
