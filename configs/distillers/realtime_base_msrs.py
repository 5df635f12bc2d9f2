# The real-time student learns from the images of a teacher, e.g. Mask-DiFuser
# or DDFM, on MSRS. Needs VGG-16 weights.
_base_ = [
    '../_base_/models/realtime_base.py',
    '../_base_/models/realtime_vgg.py',
    '../_base_/datasets/distill.py',
    '../_base_/schedules/realtime_120e.py',
    '../_base_/default_runtime.py',
]

model = dict(pairs=[*_base_.model.pairs, *_base_.vgg_pairs])
default_hooks = dict(
    loss_stages=dict(
        _base_.loss_stages, stages=[*_base_.stages, _base_.vgg_stage]),
    checkpoint=dict(
        interval=_base_.val_interval,
        save_best='distill/SSIM',
        rule='greater'))
