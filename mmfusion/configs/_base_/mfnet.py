import os

from mmcv.transforms import RandomResize
from mmengine.config import read_base
from mmseg.datasets.transforms import (PhotoMetricDistortion, RandomCrop,
                                       RandomFlip, Resize)

from mmfusion.datasets import MFNetDataset
from mmfusion.datasets.transforms import (LoadFusionAnnotations,
                                          LoadFusionPair, OnModality,
                                          PackFusionInputs)

with read_base():
    from .paired_seg import *

data_root = os.path.join(os.environ.get('MMFUSION_DATA') or 'data', 'MFNet')
scale = (640, 480)
crop_size = (240, 320)

photometric = [dict(type=PhotoMetricDistortion)]
train_pipeline = [
    dict(type=LoadFusionPair),
    dict(type=LoadFusionAnnotations),
    dict(
        type=RandomResize,
        scale=scale,
        ratio_range=(0.5, 2.0),
        keep_ratio=True),
    dict(type=RandomCrop, crop_size=crop_size, cat_max_ratio=0.75),
    dict(type=RandomFlip, prob=0.5),
    dict(type=OnModality, modality='vis', transforms=photometric),
    dict(type=OnModality, modality='ir', transforms=photometric),
    dict(type=PackFusionInputs),
]
tta_pipeline[1]['transforms'][0] = [
    dict(type=Resize, scale_factor=ratio, keep_ratio=True)
    for ratio in (0.5, 0.75, 1.0, 1.25, 1.5, 1.75)
]
train_dataloader.update(
    batch_size=4,
    dataset=dict(
        type=MFNetDataset,
        data_root=data_root,
        ann_file='train.txt',
        pipeline=train_pipeline))
val_dataloader.update(
    dataset=dict(
        type=MFNetDataset,
        data_root=data_root,
        ann_file='val.txt',
        pipeline=[
            dict(type=LoadFusionPair),
            dict(type=Resize, scale=scale, keep_ratio=True),
            dict(type=LoadFusionAnnotations),
            dict(type=PackFusionInputs),
        ],
        test_mode=True))
test_dataloader = dict(
    **{
        **val_dataloader, 'dataset': {
            **val_dataloader['dataset'], 'ann_file': 'test.txt'
        }
    })
fusion_dataloader.update(
    dataset=dict(
        type=MFNetDataset,
        data_root=data_root,
        data_prefix=dict(seg_map_path=None),
        ann_file='test.txt',
        pipeline=fusion_pipeline,
        test_mode=True))
del os
