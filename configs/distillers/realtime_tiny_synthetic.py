# The real-time student, tiny and short, on synthetic scenes.
_base_ = [
    '../_base_/models/realtime_tiny.py',
    '../_base_/datasets/distill_synthetic.py',
    '../_base_/schedules/realtime_mini.py',
    '../_base_/default_runtime.py',
]

default_hooks = dict(
    loss_stages=_base_.loss_stages,
    checkpoint=dict(
        interval=300, save_best='distill/SSIM', rule='greater'))
