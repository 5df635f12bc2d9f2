# Slim TransFuser6 and SegFormer-B0, trained jointly on a small real set;
# without the parity switches of bffr_segformer.py.
_base_ = [
    '../_base_/models/bffr_segformer.py',
    '../_base_/models/segformer_from_scratch.py',
    '../_base_/datasets/seg_msrs9_mini.py',
    '../_base_/schedules/mini.py',
    '../_base_/mini_runtime.py',
]

stage1_config = 'fusers/transfuser6_mini.py'
stage1_checkpoint = 'work_dirs/transfuser6_mini/iter_600.pth'
model = dict(
    fuser=dict(
        stem_channels=8,
        channels=(16, 24, 32, 48),
        init_cfg=dict(type='Pretrained', checkpoint=stage1_checkpoint)),
    segmentor=_base_.from_scratch)
