from mmengine.config import read_base

from mmfusion.models.fusers import PSFusion
from mmfusion.models.losses import PSFusionLoss
from mmfusion.models.wrappers import ImageFuser

with read_base():
    from .._base_.default_runtime import *
    from .._base_.msrs import *
    from .._base_.psfusion_677k import *

model = dict(
    type=ImageFuser,
    fuser=dict(type=PSFusion, num_classes=9),
    losses=dict(psfusion=dict(type=PSFusionLoss, salient_source='vis')))
train_dataloader.update(batch_size=4)
default_hooks.checkpoint.update(interval=5000, save_best='mIoU')
