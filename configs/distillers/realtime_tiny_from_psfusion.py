# A teacher network in the loop: PSFusion teaches images and one feature map.
_base_ = './realtime_tiny.py'

# =========================== frequently modified ============================
stage1_config = 'fusers/psfusion_msrs.py'
stage1_checkpoint = 'work_dirs/psfusion_msrs/iter_677500.pth'

# ============================= rarely modified ==============================
choices = None
network = 'realtime_tiny_from_psfusion'
model = dict(
    teacher=dict(
        _delete_=True,  # the base has None
        type='PSFusion',
        num_classes=9,
        init_cfg=dict(type='Pretrained', checkpoint=stage1_checkpoint)),
    pairs=[
        *_base_.model.pairs,
        dict(
            name='feat',
            student='module.fusion.0',
            teacher='aux.semantic',
            channels=(16, 9),
            loss=dict(
                type='DistanceLoss', distance='normalized', loss_weight=0.5)),
    ])
default_hooks = dict(
    loss_stages=dict(stages=[
        *_base_.stages,
        dict(begin=1 / 3, weights=dict(pix=1, ssim=1, grad=1, feat=1)),
    ]))
slim = dict(base_channels=8, depths=(1, 1, 1, 1))
scales = dict(
    _delete_=True,
    synthetic=dict(
        run_name='{network}_synthetic',
        model=dict(teacher=slim),
        default_hooks=_base_.small))
