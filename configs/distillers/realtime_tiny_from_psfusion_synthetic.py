# A teacher network in the loop: PSFusion teaches images and one feature map.
_base_ = './realtime_tiny_synthetic.py'

stage1_config = 'fusers/psfusion_synthetic.py'
stage1_checkpoint = 'work_dirs/psfusion_synthetic/iter_600.pth'
model = dict(
    teacher=dict(
        _delete_=True,  # the base has None
        type='PSFusion',
        num_classes=9,
        base_channels=8,
        depths=(1, 1, 1, 1),
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
