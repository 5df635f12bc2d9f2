# TransFuser6 and DINO, trained jointly on LLVIP.
_base_ = [
    '../_base_/models/fuser_dino.py',
    '../_base_/models/joint_transfuser6.py',
    '../_base_/datasets/llvip_det.py',
    '../_base_/schedules/det_24k.py',
    '../_base_/det_runtime.py',
]

stage1_config = 'fusers/transfuser6_llvip.py'
stage1_checkpoint = 'work_dirs/transfuser6_llvip/iter_40000.pth'
model = dict(
    fuser=dict(
        **_base_.fuser,
        init_cfg=dict(type='Pretrained', checkpoint=stage1_checkpoint)),
    fusion_losses=_base_.fusion_losses)
default_hooks = dict(checkpoint=dict(save_best='coco/bbox_mAP_50'))
