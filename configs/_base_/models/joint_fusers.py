# Fusers in front of a detector, each with the form that trains it first:
# `choices = dict(fuser=_base_.fusers)`. PSFusion is the first: boxes stand in
# for masks; without label maps its semantic, binary and boundary terms are
# zero.
psfusion_slim = dict(base_channels=8, depths=(1, 1, 1, 1))
transfuser6_slim = dict(stem_channels=8, channels=(16, 24, 32, 48))
psfusion = dict(
    stage1_config='fusers/psfusion_llvip.py',
    stage1_checkpoint='work_dirs/psfusion_llvip/iter_40000.pth',
    model=dict(
        fuser=dict(
            type='PSFusion',
            fuse_only=True,
            init_cfg=dict(
                type='Pretrained',
                checkpoint='work_dirs/psfusion_llvip/iter_40000.pth')),
        fusion_losses=dict(
            psfusion=dict(
                type='PSFusionLoss', labels='optional',
                target_mask='boxes'))),
    fuser_scales=dict(
        mini=dict(model=dict(fuser=psfusion_slim)),
        synthetic=dict(
            stage1_config='fusers/psfusion_msrs.py',
            model=dict(fuser=psfusion_slim))))
transfuser6 = dict(
    stage1_config='fusers/transfuser6_llvip.py',
    stage1_checkpoint='work_dirs/transfuser6_llvip/iter_40000.pth',
    model=dict(
        fuser=dict(
            _drop_=True,
            type='TransFuser6',
            init_cfg=dict(
                type='Pretrained',
                checkpoint='work_dirs/transfuser6_llvip/iter_40000.pth')),
        # 1 / (CC(ir, fused) + CC(vis, fused)), lambda of BFFR's code
        fusion_losses=dict(
            _drop_=True,
            correlation=dict(type='CorrelationLoss', loss_weight=0.001))),
    fuser_scales=dict(
        mini=dict(model=dict(fuser=transfuser6_slim)),
        synthetic=dict(
            stage1_config='fusers/transfuser6_avg_mfnet.py',
            model=dict(fuser=transfuser6_slim))))
mmdrfuse_student = dict(  # 113 weights: slim already
    stage1_config='distillers/mmdrfuse_student_llvip.py',
    stage1_checkpoint='work_dirs/mmdrfuse_student_llvip/iter_6400.pth',
    model=dict(
        fuser=dict(
            _drop_=True,
            type='MMDRFuseStudent',
            init_cfg=dict(
                type='Pretrained',
                checkpoint='work_dirs/mmdrfuse_student_llvip/iter_6400.pth')),
        fusion_losses=dict(
            _drop_=True,
            intensity=dict(type='MaxIntensityLoss'),
            gradient=dict(type='LaplacianLoss', loss_weight=0.1))),
    fuser_scales=dict(  # there it learns without a teacher
        mini=dict(stage1_config='fusers/mmdrfuse_student_alone_llvip.py'),
        synthetic=dict(
            stage1_config='fusers/mmdrfuse_student_alone_mfnet.py')))
# For comparison: the detector on one of the images.
visible, infrared = (
    dict(
        stage1_config=None,
        stage1_checkpoint=None,
        model=dict(
            fuser=dict(_drop_=True, type='SelectModality', modality=modality),
            fusion_losses=None),
        fuser_scales=None) for modality in ('vis', 'ir'))
# Early fusion: it sees both, infrared in a fourth channel (6: three times).
stacked = dict(visible, model=dict(visible['model'], task_channels=4))
fusers = dict(
    psfusion=psfusion,
    transfuser6=transfuser6,
    mmdrfuse_student=mmdrfuse_student,
    visible=visible,
    infrared=infrared,
    stacked=stacked)
