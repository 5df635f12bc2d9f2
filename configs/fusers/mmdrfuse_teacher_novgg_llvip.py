# MMDRFuse's teacher on patches of LLVIP, without perceptual terms.
_base_ = [
    '../_base_/models/mmdrfuse_teacher.py',
    '../_base_/datasets/patches.py',
    '../_base_/schedules/mmdrfuse_6400.py',
    '../_base_/default_runtime.py',
]

default_hooks = dict(checkpoint=dict(interval=640))
