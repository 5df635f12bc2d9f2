# MMDRFuse's student and RetinaNet, slim, on a small set of LLVIP pairs.
_base_ = [
    '../_base_/models/fuser_retinanet.py',
    '../_base_/models/joint_mmdrfuse_student.py',
    '../_base_/datasets/det_llvip_mini.py',
    '../_base_/schedules/mini.py',
    '../_base_/det_mini_runtime.py',
]

stage1_config = 'fusers/mmdrfuse_student_llvip_mini.py'
stage1_checkpoint = 'work_dirs/mmdrfuse_student_llvip_mini/iter_300.pth'
model = dict(
    fuser=dict(
        **_base_.slim_fuser,
        init_cfg=dict(type='Pretrained', checkpoint=stage1_checkpoint)),
    fusion_losses=_base_.fusion_losses,
    detector=_base_.from_scratch)
