# Slim TransFuser6 and SegFormer-B0, trained jointly on synthetic scenes;
# without the parity switches of bffr_segformer.py.
_base_ = [
    '../_base_/models/bffr_segformer.py',
    '../_base_/datasets/synthetic.py',
    '../_base_/schedules/mini.py',
    '../_base_/default_runtime.py',
]

stage1_config = 'fusers/transfuser6_synthetic.py'
stage1_checkpoint = 'work_dirs/transfuser6_synthetic/iter_600.pth'
class_weight = [1.0] + [6.0] * 8  # the background is most of every image
model = dict(
    fuser=dict(
        stem_channels=8,
        channels=(16, 24, 32, 48),
        init_cfg=dict(type='Pretrained', checkpoint=stage1_checkpoint)),
    segmentor=dict(
        decode_head=dict(loss_decode=dict(class_weight=class_weight))))
default_hooks = dict(
    checkpoint=dict(interval=300, save_best='mIoU'),
    visualization=dict(draw=True))
