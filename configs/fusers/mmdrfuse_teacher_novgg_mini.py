# MMDRFuse's teacher, short, on patches of a small real set, without the
# perceptual terms, which need VGG weights.
_base_ = [
    '../_base_/models/mmdrfuse_teacher.py',
    '../_base_/datasets/patches_mini.py',
    '../_base_/schedules/mmdrfuse_mini.py',
    '../_base_/mini_runtime.py',
]

default_hooks = dict(checkpoint=dict(interval=320))
