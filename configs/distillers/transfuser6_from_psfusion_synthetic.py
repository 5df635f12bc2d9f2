# PSFusion teaches a slim TransFuser6: fused luminance and its detail.
_base_ = [
    '../_base_/datasets/synthetic.py',
    '../_base_/schedules/mini.py',
    '../_base_/mini_runtime.py',
]

stage1_config = 'fusers/psfusion_synthetic.py'
stage1_checkpoint = 'work_dirs/psfusion_synthetic/iter_600.pth'
model = dict(
    type='FuserDistiller',
    teacher=dict(
        type='PSFusion',
        num_classes=9,
        base_channels=8,
        depths=(1, 1, 1, 1),
        init_cfg=dict(type='Pretrained', checkpoint=stage1_checkpoint)),
    student=dict(
        type='TransFuser6', stem_channels=8, channels=(16, 24, 32, 48)),
    pairs=[
        dict(
            student='luma',
            teacher='luma',
            loss=dict(type='DistanceLoss', distance='l1')),
        dict(
            student='luma',
            teacher='luma',
            name='detail',
            loss=dict(
                type='DistanceLoss', distance='laplacian', loss_weight=10.)),
    ],
    losses=dict(gradient=dict(type='GradientLoss', loss_weight=0.1)))
val_evaluator = []  # nothing to score: validation draws fused images only
test_evaluator = []
