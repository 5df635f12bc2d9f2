from mmengine.optim import OptimWrapper, PolyLR
from mmengine.runner import IterBasedTrainLoop, TestLoop, ValLoop
from torch.optim import SGD

from mmfusion.engine.schedulers import ExponentialWarmupLR

optim_wrapper = dict(
    type=OptimWrapper,
    optimizer=dict(type=SGD, lr=1e-3, momentum=0.9, weight_decay=5e-4))
param_scheduler = [
    dict(
        type=ExponentialWarmupLR,
        start_factor=0.01,
        by_epoch=False,
        begin=0,
        end=1000),
    dict(
        type=PolyLR,
        power=0.9,
        eta_min=0.,
        by_epoch=False,
        begin=1000,
        end=677501)
]
train_cfg = dict(
    type=IterBasedTrainLoop, max_iters=677500, val_interval=5000)
val_cfg = dict(type=ValLoop)
test_cfg = dict(type=TestLoop)
