# MMDRFuse's student, short, on patches of a small real set, without the
# perceptual terms, which need VGG weights.
_base_ = [
    '../_base_/models/mmdrfuse_student.py',
    '../_base_/datasets/patches_mini.py',
    '../_base_/schedules/mmdrfuse_mini.py',
    '../_base_/mini_runtime.py',
]

stage1_config = 'fusers/mmdrfuse_teacher_novgg_mini.py'
stage1_checkpoint = 'work_dirs/mmdrfuse_teacher_novgg_mini/iter_640.pth'
model = dict(
    teacher=dict(
        init_cfg=dict(type='Pretrained', checkpoint=stage1_checkpoint)))
default_hooks = dict(checkpoint=dict(interval=320))
