# The next link of the chain: TransFuser6 teaches MMDRFuse's student.
_base_ = './transfuser6_from_psfusion_synthetic.py'

stage1_config = 'distillers/transfuser6_from_psfusion_synthetic.py'
stage1_checkpoint = \
    'work_dirs/transfuser6_from_psfusion_synthetic/iter_600.pth'
model = dict(
    teacher=dict(
        _delete_=True,
        **_base_.model.student,
        init_cfg=dict(type='Pretrained', checkpoint=stage1_checkpoint)),
    student=dict(_delete_=True, type='MMDRFuseStudent'),
    pairs=[
        *_base_.model.pairs,
        dict(
            student='aux.hidden',
            teacher='module.nodes.x13',
            channels=(4, 16),
            loss=dict(type='DistanceLoss', distance='mse')),
    ])
