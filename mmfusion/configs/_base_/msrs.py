import os

from mmengine.config import read_base
from mmseg.datasets.transforms import RandomCrop, RandomFlip, Resize

from mmfusion.datasets import MSRSDataset
from mmfusion.datasets.transforms import (DeriveFusionMaps,
                                          LoadFusionAnnotations,
                                          LoadFusionPair, PackFusionInputs,
                                          RandomRotate90, ResizeToCover)

with read_base():
    from .paired_seg import *

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
tta_pipeline[1]['transforms'][0] = [
    dict(type=Resize, scale_factor=ratio, keep_ratio=True)
    for ratio in (0.75, 1.0, 1.25)
]
train_dataloader.update(
    batch_size=8,
    dataset=dict(
        type=MSRSDataset,
        data_root=os.path.join(data_root, 'train'),
        pipeline=train_pipeline))
val_dataloader.update(
    dataset=dict(
        type=MSRSDataset,
        data_root=os.path.join(data_root, 'test'),
        data_prefix=dict(binary_path=None, boundary_path=None,
                         mask_path=None),
        pipeline=[*load, dict(type=PackFusionInputs)],
        test_mode=True))
test_dataloader = val_dataloader
fusion_dataloader.update(
    dataset=dict(
        type=MSRSDataset,
        data_root=os.path.join(data_root, 'test'),
        data_prefix=dict(
            seg_map_path=None,
            binary_path=None,
            boundary_path=None,
            mask_path=None),
        pipeline=fusion_pipeline,
        test_mode=True))
del os
