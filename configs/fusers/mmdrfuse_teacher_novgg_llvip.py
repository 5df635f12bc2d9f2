# MMDRFuse's teacher on patches of LLVIP, without perceptual terms.
_base_ = [
    '../_base_/models/mmdrfuse_teacher.py',
    '../_base_/datasets/patches.py',
    '../_base_/schedules/mmdrfuse_6400.py',
    '../_base_/default_runtime.py',
]

default_hooks = dict(checkpoint=dict(interval=640))
small = dict(default_hooks=dict(checkpoint=dict(interval=320)))
scales = dict(
    mini=dict(run_name='mmdrfuse_teacher_novgg_mini', **small),
    synthetic=dict(run_name='mmdrfuse_teacher_novgg_synthetic', **small))
