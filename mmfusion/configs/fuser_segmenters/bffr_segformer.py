from mmengine.config import read_base

from mmfusion.models.data_preprocessor import FusionDataPreprocessor
from mmfusion.models.fusers import TransFuser6
from mmfusion.models.losses import CorrelationLoss
from mmfusion.models.wrappers import FuserSegmenter

with read_base():
    from .._base_.default_runtime import *
    from .._base_.mfnet import *
    from .._base_.segformer_160k import *
    from .._base_.segformer_b0 import *

stage1_config = 'fusers/transfuser6_avg_mfnet.py'
stage1_checkpoint = 'work_dirs/transfuser6_avg_mfnet/iter_20000.pth'
fuser_lr_mult = 1.0

segmentor.test_cfg = dict(
    mode='slide', crop_size=crop_size, stride=(120, 160))
model = dict(
    type=FuserSegmenter,
    data_preprocessor=dict(type=FusionDataPreprocessor, size=crop_size),
    fuser=dict(
        type=TransFuser6,
        channel_order='bgr',
        clamp=False,
        init_cfg=dict(type='Pretrained', checkpoint=stage1_checkpoint)),
    fusion_losses=dict(
        correlation=dict(type=CorrelationLoss, loss_weight=0.001)),
    fuse_first=False,
    task_mean=None,
    task_std=None,
    task_channel_order='bgr',
    segmentor=segmentor)
train_dataloader.batch_size = 4
fuser_norms = {
    f'_attentions.{scale}.{part}norm': dict(
        lr_mult=fuser_lr_mult, decay_mult=0.)
    for scale in range(4)
    for part in ('', 'before.0.', 'before.1.', 'after.0.', 'after.1.')
}
optim_wrapper.paramwise_cfg.custom_keys.update(
    fuser=dict(lr_mult=fuser_lr_mult), **fuser_norms)
default_hooks.checkpoint.save_best = 'mIoU'
