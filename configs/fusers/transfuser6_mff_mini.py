# TransFuser6, slim and short, on pairs of focus depths: each pixel like the
# image with more local contrast, which is in focus there.
_base_ = [
    '../_base_/models/transfuser6.py',
    '../_base_/datasets/fusion_mff_mini.py',
    '../_base_/schedules/mini.py',
    '../_base_/mini_runtime.py',
]

model = dict(
    task='mff',
    fuser=dict(stem_channels=8, channels=(16, 24, 32, 48)),
    losses=dict(
        _delete_=True,
        intensity=dict(type='IntensityLoss', loss_weight=10.0),
        gradient=dict(type='GradientLoss', loss_weight=5.0)))
