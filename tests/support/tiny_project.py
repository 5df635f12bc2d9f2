"""A project that trains in seconds: pairs, labels and two-stage configs."""
from pathlib import Path

import cv2
import numpy as np

from mmfusion.cli.train import main as train

SIZE = (40, 56)
_COMMON = '''
default_scope = 'mmfusion'
load = [dict(type='LoadFusionPair'), dict(type='LoadFusionAnnotations')]
pack = [dict(type='PackFusionInputs')]
dataset = dict(
    type='MFNetDataset',
    data_root={root!r},
    data_prefix=dict(vis_path='vis', ir_path='ir', seg_map_path='labels'),
    ann_file='',
    pipeline=load + [dict(type='RandomFlip', prob=0.5)] + pack)
train_dataloader = dict(
    batch_size=2,
    num_workers=0,
    sampler=dict(type='InfiniteSampler', shuffle=True),
    dataset=dataset)
test_dataloader = dict(
    batch_size=1,
    num_workers=0,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(dataset, pipeline=load + pack, test_mode=True))
val_dataloader = test_dataloader
train_cfg = dict(type='IterBasedTrainLoop', max_iters=2, val_interval=2)
val_cfg = dict()
test_cfg = dict()
optim_wrapper = dict(optimizer=dict(type='SGD', lr=0.01))
default_hooks = dict(
    checkpoint=dict(type='CheckpointHook', by_epoch=False, interval=2),
    visualization=dict(type='FusionVisualizationHook'))
visualizer = dict(
    type='FusionLocalVisualizer', vis_backends=[dict(type='LocalVisBackend')])
log_level = 'WARNING'
fuser = dict(
    type='TransFuser6',
    stem_channels=4,
    channels=(4, 4, 8, 8),
    heads=(1, 1, 2, 2))
preprocessor = dict(type='FusionDataPreprocessor')
'''
_STAGE1 = '''
_base_ = './common.py'
model = dict(
    type='ImageFuser',
    data_preprocessor=_base_.preprocessor,
    fuser=_base_.fuser,
    fusion_losses=dict(average=dict(type='AverageLoss')))
val_dataloader = None
val_cfg = None
test_dataloader = None
test_cfg = None
fusion_dataloader = dict(
    batch_size=1,
    num_workers=0,
    dataset=dict(
        _base_.dataset,
        data_prefix=dict(vis_path='vis', ir_path='ir', seg_map_path=None),
        pipeline=[_base_.load[0]] + _base_.pack,
        test_mode=True))
'''
_STAGE2 = '''
_base_ = './common.py'
stage1_config = 'fusers/stage1.py'
stage1_checkpoint = {checkpoint!r}
model = dict(
    type='FuserSegmenter',
    data_preprocessor=_base_.preprocessor,
    fuser=dict(
        _base_.fuser,
        init_cfg=dict(type='Pretrained', checkpoint=stage1_checkpoint)),
    segmentor=dict(
        type='mmseg.EncoderDecoder',
        data_preprocessor=dict(
            type='mmseg.SegDataPreProcessor',
            mean=[123.675, 116.28, 103.53],
            std=[58.395, 57.12, 57.375],
            bgr_to_rgb=True),
        backbone=dict(
            type='mmseg.MixVisionTransformer',
            embed_dims=8,
            num_layers=[1, 1, 1, 1],
            num_heads=[1, 1, 1, 1]),
        decode_head=dict(
            type='mmseg.SegformerHead',
            in_channels=[8, 8, 8, 8],
            in_index=[0, 1, 2, 3],
            channels=8,
            dropout_ratio=0.0,
            num_classes=9,
            norm_cfg=dict(type='BN'),
            align_corners=False,
            loss_decode=dict(type='mmseg.CrossEntropyLoss')),
        test_cfg=dict(mode='whole')))
val_evaluator = dict(type='mmseg.IoUMetric', iou_metrics=['mIoU'])
test_evaluator = val_evaluator
tta_model = dict(type='FuserSegTTAModel')
tta_pipeline = [
    dict(type='LoadFusionPair'),
    dict(
        type='TestTimeAug',
        transforms=[[
            dict(type='RandomFlip', prob=0.0, direction='horizontal'),
            dict(type='RandomFlip', prob=1.0, direction='horizontal')
        ], [dict(type='LoadFusionAnnotations')],
                    [dict(type='PackFusionInputs')]])
]
'''


def write_pairs(folder: Path, count: int = 3, size=SIZE) -> None:
    """``vis``, ``ir`` and ``labels`` below ``folder``, random contents."""
    rng = np.random.RandomState(0)
    for name, channels in dict(vis=(3, ), ir=(), labels=()).items():
        (folder / name).mkdir(parents=True, exist_ok=True)
        for index in range(count):
            high = 9 if name == 'labels' else 256
            image = rng.randint(0, high, (*size, *channels), np.uint8)
            cv2.imwrite(str(folder / name / f'{index:03d}.png'), image)


def make_project(folder: Path) -> Path:
    """Write data and configs; give the folder of the configs.

    ``configs/fusers/stage1.py`` has two iterations;
    ``configs/fusers/stage2.py`` starts from its ``stage1/iter_2.pth``.
    """
    write_pairs(folder / 'data')
    configs = folder / 'configs' / 'fusers'
    configs.mkdir(parents=True)
    checkpoint = str(folder / 'stage1' / 'iter_2.pth')
    for name, text in dict(
            common=_COMMON.replace('{root!r}', repr(str(folder / 'data'))),
            stage1=_STAGE1,
            stage2=_STAGE2.replace('{checkpoint!r}', repr(checkpoint)),
    ).items():
        (configs / f'{name}.py').write_text(text)
    return configs


def train_with(config, *flags):
    """``tools/train.py CONFIG FLAGS`` in this process."""
    train([str(config), *map(str, flags)])
