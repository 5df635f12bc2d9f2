import os

from mmcv.transforms import TestTimeAug
from mmengine.dataset import DefaultSampler
from mmseg.datasets.transforms import RandomCrop, RandomFlip, Resize
from mmseg.evaluation import IoUMetric

from mmfusion.datasets import DeterministicSampler, MSRSDataset
from mmfusion.datasets.transforms import (DeriveFusionMaps,
                                          LoadFusionAnnotations,
                                          LoadFusionPair, PackFusionInputs,
                                          RandomRotate90, ResizeToCover)

data_root = os.path.join(os.environ.get('MMFUSION_DATA') or 'data', 'MSRS')
crop_size = (256, 256)

load = [dict(type=LoadFusionPair), dict(type=LoadFusionAnnotations)]
derive_maps = dict(
    type=DeriveFusionMaps,
    boundary_width=3,
    mask_classes=('car', 'person', 'bike'))
train_pipeline = [
    *load,
    derive_maps,
    dict(type=ResizeToCover, size=crop_size),
    dict(type=RandomCrop, crop_size=crop_size),
    dict(
        type=RandomFlip,
        prob=[1 / 3, 1 / 3],
        direction=['vertical', 'horizontal']),
    dict(type=RandomRotate90),
    dict(type=PackFusionInputs),
]
tta_pipeline = [
    dict(type=LoadFusionPair),
    dict(
        type=TestTimeAug,
        transforms=[
            [
                dict(type=Resize, scale_factor=ratio, keep_ratio=True)
                for ratio in (0.75, 1.0, 1.25)
            ],
            [
                dict(type=RandomFlip, prob=prob, direction='horizontal')
                for prob in (0.0, 1.0)
            ],
            [dict(type=LoadFusionAnnotations)],
            [dict(type=PackFusionInputs)],
        ]),
]
train_dataloader = dict(
    batch_size=8,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type=DeterministicSampler, shuffle=True),
    dataset=dict(
        type=MSRSDataset,
        data_root=os.path.join(data_root, 'train'),
        pipeline=train_pipeline))
val_dataloader = dict(
    batch_size=1,
    num_workers=1,
    persistent_workers=True,
    sampler=dict(type=DefaultSampler, shuffle=False),
    dataset=dict(
        type=MSRSDataset,
        data_root=os.path.join(data_root, 'test'),
        data_prefix=dict(binary_path=None, boundary_path=None,
                         mask_path=None),
        pipeline=[*load, dict(type=PackFusionInputs)],
        test_mode=True))
test_dataloader = val_dataloader
fusion_dataloader = dict(
    batch_size=1,
    num_workers=1,
    sampler=dict(type=DefaultSampler, shuffle=False),
    dataset=dict(
        type=MSRSDataset,
        data_root=os.path.join(data_root, 'test'),
        data_prefix=dict(
            seg_map_path=None,
            binary_path=None,
            boundary_path=None,
            mask_path=None),
        pipeline=[dict(type=LoadFusionPair), dict(type=PackFusionInputs)],
        test_mode=True))
val_evaluator = dict(type=IoUMetric, iou_metrics=['mIoU'])
test_evaluator = val_evaluator
del os
