# The real-time student, tiny and short, on a small real set, without the
# terms that need VGG weights.
_base_ = [
    '../_base_/models/realtime_tiny.py',
    '../_base_/datasets/distill_mini.py',
    '../_base_/schedules/realtime_mini.py',
    '../_base_/default_runtime.py',
]

# for a teacher of luminance such as MMDRFuse's: colour is the visible one's
model = dict(student=dict(out_mode='y'))
default_hooks = dict(
    loss_stages=_base_.loss_stages,
    checkpoint=dict(
        interval=300, save_best='distill/SSIM', rule='greater'))
