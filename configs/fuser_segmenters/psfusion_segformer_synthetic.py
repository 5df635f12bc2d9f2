# Slim PSFusion and SegFormer-B0, trained jointly on synthetic scenes.
_base_ = [
    '../_base_/models/psfusion_segformer.py',
    '../_base_/models/segformer_from_scratch.py',
    '../_base_/datasets/synthetic.py',
    '../_base_/schedules/mini.py',
    '../_base_/mini_runtime.py',
]

stage1_config = 'fusers/psfusion_synthetic.py'
stage1_checkpoint = 'work_dirs/psfusion_synthetic/iter_600.pth'
model = dict(
    fuser=dict(
        base_channels=8,
        depths=(1, 1, 1, 1),
        init_cfg=dict(type='Pretrained', checkpoint=stage1_checkpoint)),
    segmentor=_base_.from_scratch)
