# Slim PSFusion and SegFormer-B0, trained jointly on synthetic scenes.
_base_ = [
    '../_base_/models/psfusion_segformer.py',
    '../_base_/datasets/synthetic.py',
    '../_base_/schedules/mini.py',
    '../_base_/default_runtime.py',
]

stage1_config = 'fusers/psfusion_synthetic.py'
stage1_checkpoint = 'work_dirs/psfusion_synthetic/iter_600.pth'
class_weight = [1.0] + [6.0] * 8  # the background is most of every image
model = dict(
    fuser=dict(
        base_channels=8,
        depths=(1, 1, 1, 1),
        init_cfg=dict(type='Pretrained', checkpoint=stage1_checkpoint)),
    segmentor=dict(
        decode_head=dict(loss_decode=dict(class_weight=class_weight))))
default_hooks = dict(
    checkpoint=dict(interval=300, save_best='mIoU'),
    visualization=dict(draw=True))
