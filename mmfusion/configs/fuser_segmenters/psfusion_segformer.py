from mmcv.transforms import RandomResize
from mmengine.config import read_base
from mmseg.datasets.transforms import PhotoMetricDistortion

from mmfusion.datasets.transforms import OnModality
from mmfusion.models.data_preprocessor import FusionDataPreprocessor
from mmfusion.models.fusers import PSFusion
from mmfusion.models.losses import PSFusionLoss
from mmfusion.models.wrappers import FuserSegmenter

with read_base():
    from .._base_.default_runtime import *
    from .._base_.msrs import *
    from .._base_.segformer_160k import *
    from .._base_.segformer_b0 import *

stage1_config = 'fusers/psfusion_msrs.py'
stage1_checkpoint = 'work_dirs/psfusion_msrs/iter_677500.pth'
crop_size = (256, 320)

segmentor.backbone.update(embed_dims=64, num_layers=[3, 4, 6, 3])
segmentor.decode_head.update(in_channels=[64, 128, 320, 512], channels=768)
model = dict(
    type=FuserSegmenter,
    data_preprocessor=dict(type=FusionDataPreprocessor, size=crop_size),
    fuser=dict(
        type=PSFusion,
        num_classes=9,
        init_cfg=dict(type='Pretrained', checkpoint=stage1_checkpoint)),
    fusion_losses=dict(psfusion=dict(type=PSFusionLoss, salient_source='vis')),
    task_mean=[57.34, 65.78, 56.76],
    task_std=[46.75, 46.90, 46.38],
    segmentor=segmentor)
train_dataloader.batch_size = 8
train_dataloader.dataset.pipeline = [
    *load,
    dict(type=DeriveFusionMaps),
    dict(
        type=RandomResize,
        scale=(640, 480),
        ratio_range=(0.5, 2.0),
        keep_ratio=True),
    dict(type=RandomCrop, crop_size=crop_size, cat_max_ratio=0.75),
    dict(type=RandomFlip, prob=0.5),
    dict(
        type=OnModality,
        modality='vis',
        transforms=[dict(type=PhotoMetricDistortion)]),
    dict(type=PackFusionInputs),
]
optim_wrapper.optimizer.lr = 1e-4
optim_wrapper.paramwise_cfg.custom_keys.fuser = dict(lr_mult=0.1)
default_hooks.checkpoint.save_best = 'mIoU'
