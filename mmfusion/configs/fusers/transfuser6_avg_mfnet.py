from mmengine.config import read_base

from mmfusion.models.fusers import TransFuser6
from mmfusion.models.losses import AverageLoss
from mmfusion.models.wrappers import ImageFuser

with read_base():
    from .._base_.default_runtime import *
    from .._base_.mfnet import *
    from .._base_.segformer_160k import *

model = dict(
    type=ImageFuser,
    fuser=dict(type=TransFuser6, channel_order='bgr', clamp=False),
    losses=dict(average=dict(type=AverageLoss)))
train_dataloader.update(batch_size=2)
val_evaluator = []
test_evaluator = []
train_cfg.update(max_iters=20000)
optim_wrapper.optimizer.lr = 6e-4
default_hooks.checkpoint.interval = 1000
default_hooks.visualization.draw = True
