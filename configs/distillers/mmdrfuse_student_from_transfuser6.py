# The next link of the chain: TransFuser6 teaches MMDRFuse's student.
_base_ = './transfuser6_from_psfusion.py'

# =========================== frequently modified ============================
stage1_config = 'distillers/transfuser6_from_psfusion.py'
stage1_checkpoint = 'work_dirs/transfuser6_from_psfusion/iter_160000.pth'

# ============================ possibly modified =============================
hidden = dict(
    student='aux.hidden',
    teacher='module.nodes.x13',
    loss=dict(type='DistanceLoss', distance='mse'))
model = dict(
    teacher=dict(
        _delete_=True,
        type='TransFuser6',
        init_cfg=dict(type='Pretrained', checkpoint=stage1_checkpoint)),
    student=dict(_delete_=True, type='MMDRFuseStudent'),
    pairs=[*_base_.model.pairs, dict(hidden, channels=(4, 32))])

# ============================= rarely modified ==============================
scales = dict(
    _delete_=True,
    synthetic=dict(
        model=dict(
            teacher=_base_.slim_student,
            pairs=[*_base_.model.pairs, dict(hidden, channels=(4, 16))])))
