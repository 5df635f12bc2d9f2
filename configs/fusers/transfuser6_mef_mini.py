# TransFuser6, slim and short, on pairs of exposures: mean brightness, the
# stronger edge.
_base_ = [
    '../_base_/models/transfuser6.py',
    '../_base_/datasets/fusion_mef_mini.py',
    '../_base_/schedules/mini.py',
    '../_base_/mini_runtime.py',
]

model = dict(
    task='mef',
    fuser=dict(stem_channels=8, channels=(16, 24, 32, 48)),
    losses=dict(
        _delete_=True,
        intensity=dict(type='AverageLoss', loss_weight=2.0),
        gradient=dict(type='GradientLoss', loss_weight=5.0),
        ssim=dict(type='SSIMLoss')))
