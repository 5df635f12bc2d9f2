# SAGE's student (CVPR 2025) on FMB, taught by PSFusion: the authors' teacher,
# which SAM guides, is not published, and neither are its masks; so their
# contrastive term L_c, on features of SAM, is left out, and L_m, the cosine of
# five levels, is for a teacher that has them:
#   dict(student='module.stages.0', teacher='module.<layer>', name='level_0',
#        loss=dict(type='DistanceLoss', distance='cosine', loss_weight=0.3))
_base_ = [
    '../_base_/models/zoo.py',
    '../_base_/datasets/fmb.py',
    '../_base_/schedules/adam.py',
    '../_base_/default_runtime.py',
]

# =========================== frequently modified ============================
stage1_config = 'fusers/psfusion_msrs.py'
stage1_checkpoint = 'work_dirs/psfusion_msrs/iter_677500.pth'
base_lr = 2e-3
max_iters = 30500  # 100 epochs of 305 batches: 1,220 pairs, batch size 4

# ============================= rarely modified ==============================
model = dict(
    type='FuserDistiller',
    teacher=dict(
        type='PSFusion',
        num_classes=9,
        init_cfg=dict(type='Pretrained', checkpoint=stage1_checkpoint)),
    student=dict(type='SAGE', colour_formula='opencv+planes'),
    # 3 L_f + 3 L_g of the authors
    pairs=[
        dict(
            student='luma',
            teacher='luma',
            loss=dict(type='DistanceLoss', distance='mse', loss_weight=12.0)),
        dict(
            student='luma',
            teacher='luma',
            name='gradient',
            loss=dict(
                type='DistanceLoss',
                distance='sobel_magnitude',
                loss_weight=9.0)),
    ],
    fusion_losses=dict(
        sources=dict(type='SourceMSELoss', vis_weight=9.0, ir_weight=6.0),
        edges=dict(type='GradientLoss', joint=True, loss_weight=27.0)))
train_dataloader = dict(
    batch_size=4,
    dataset=dict(
        data_prefix=dict(seg_map_path=None),
        pipeline=[
            dict(type='LoadFusionPair'),
            dict(type='ResizeToCover', size=(192, 256)),
            dict(type='RandomCrop', crop_size=(192, 256)),
            dict(type='PackFusionInputs'),
        ]))
val_evaluator = []  # nothing to score: validation draws fused images only
test_evaluator = []
optim_wrapper = dict(optimizer=dict(lr=base_lr))
param_scheduler = [
    dict(
        type='CosineAnnealingLR',
        by_epoch=False,
        T_max=max_iters,
        eta_min=1e-5)
]
train_cfg = dict(max_iters=max_iters, val_interval=305)
slim_teacher = dict(base_channels=8, depths=(1, 1, 1, 1))
scales = dict(
    synthetic=dict(
        run_name='sage_synthetic',
        _base_=[
            'mmfusion::_base_/datasets/synthetic.py',
            'mmfusion::_base_/schedules/mini.py',
        ],
        model=dict(teacher=slim_teacher, student=dict(width=16))))
