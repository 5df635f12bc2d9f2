# MMDRFuse's student and RetinaNet, slim, on synthetic scenes.
_base_ = [
    '../_base_/models/fuser_retinanet.py',
    '../_base_/models/joint_mmdrfuse_student.py',
    '../_base_/datasets/synthetic_det.py',
    '../_base_/schedules/mini.py',
    '../_base_/det_mini_runtime.py',
]

stage1_config = 'fusers/mmdrfuse_student_synthetic.py'
stage1_checkpoint = 'work_dirs/mmdrfuse_student_synthetic/iter_600.pth'
_base_.from_scratch.bbox_head.num_classes = 3
model = dict(
    fuser=dict(
        **_base_.slim_fuser,
        init_cfg=dict(type='Pretrained', checkpoint=stage1_checkpoint)),
    fusion_losses=_base_.fusion_losses,
    detector=_base_.from_scratch)
