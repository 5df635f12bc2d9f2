# PSFusion teaches TransFuser6 on MSRS: fused luminance and its detail.
_base_ = [
    '../_base_/datasets/msrs.py',
    '../_base_/schedules/segformer_160k.py',
    '../_base_/default_runtime.py',
]

# =========================== frequently modified ============================
stage1_config = 'fusers/psfusion_msrs.py'
stage1_checkpoint = 'work_dirs/psfusion_msrs/iter_677500.pth'

# ============================ possibly modified =============================
model = dict(
    type='FuserDistiller',
    teacher=dict(
        type='PSFusion',
        num_classes=9,
        init_cfg=dict(type='Pretrained', checkpoint=stage1_checkpoint)),
    student=dict(type='TransFuser6'),
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
    fusion_losses=dict(gradient=dict(type='GradientLoss', loss_weight=0.1)))

# ============================= rarely modified ==============================
val_evaluator = []  # nothing to score: validation draws fused images only
test_evaluator = []
slim_teacher = dict(base_channels=8, depths=(1, 1, 1, 1))
slim_student = dict(stem_channels=8, channels=(16, 24, 32, 48))
scales = dict(
    synthetic=dict(model=dict(teacher=slim_teacher, student=slim_student)))
