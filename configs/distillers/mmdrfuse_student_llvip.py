# MMDRFuse's student of 113 weights (ACM MM 2024) on patches of LLVIP, the
# authors' recipe. Needs VGG-19 weights.
_base_ = [
    '../_base_/models/mmdrfuse_student.py',
    '../_base_/models/mmdrfuse_vgg.py',
    '../_base_/datasets/patches.py',
    '../_base_/schedules/mmdrfuse_6400.py',
    '../_base_/default_runtime.py',
]

# The teacher: trained by --two-stage, or the authors' own through
# tools/model_converters/convert.py --method mmdrfuse.
stage1_config = 'fusers/mmdrfuse_teacher_llvip.py'
stage1_checkpoint = 'work_dirs/mmdrfuse_teacher_llvip/iter_6400.pth'
model = dict(
    teacher=dict(
        init_cfg=dict(type='Pretrained', checkpoint=stage1_checkpoint)),
    losses=dict(_base_.vgg_losses, perception=dict(
        _base_.vgg_losses.perception, loss_weight=2.0)))
default_hooks = dict(checkpoint=dict(interval=640))
