# make demo, stage 1: pretrain a slim TransFuser6. It learns to show the
# brighter of the two images at every place, and the stronger edge.
_base_ = [
    '../_base_/models/transfuser6.py',
    '../_base_/datasets/demo.py',
    '../_base_/schedules/mini.py',
    '../_base_/default_runtime.py',
]

base_lr = 2e-3
max_iters = 120

# The published widths are the defaults of TransFuser6.
model = dict(
    fuser=dict(
        stem_channels=8,
        channels=(8, 8, 16, 16),
        heads=(1, 1, 2, 2),
        attn_norm=True),
    fusion_losses=dict(
        _delete_=True,
        intensity=dict(type='MaxIntensityLoss'),
        gradient=dict(type='GradientLoss', loss_weight=0.1)))
optim_wrapper = dict(optimizer=dict(lr=base_lr))
param_scheduler = [
    dict(
        type='LinearLR', start_factor=0.01, by_epoch=False, begin=0, end=30),
    dict(type='PolyLR', power=1.0, by_epoch=False, begin=30, end=max_iters),
]
train_cfg = dict(max_iters=max_iters, val_interval=max_iters)
randomness = dict(seed=0)
val_evaluator = []  # nothing to score: validation draws fused images only
test_evaluator = []
default_hooks = dict(
    logger=dict(interval=10),
    checkpoint=dict(interval=max_iters),
    visualization=dict(draw=True, interval=7),
    curves=dict(type='LossCurveHook'))
