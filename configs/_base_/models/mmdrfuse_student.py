# MMDRFuse's student of 113 weights, without the terms that need VGG weights;
# those are in mmdrfuse_vgg.py. The refresh losses need fixed patches.
model = dict(
    type='FuserDistiller',
    teacher=dict(type='MMDRFuseTeacher'),
    student=dict(type='MMDRFuseStudent'),
    init_from_teacher=dict(out='out'),
    pairs=[
        dict(
            student='aux.hidden',
            teacher='aux.buffer',
            loss=dict(type='CosineDistillationLoss', loss_weight=5.0)),
        dict(
            student='luma',
            teacher='luma',
            loss=dict(type='CosineDistillationLoss', loss_weight=5.0)),
    ],
    output_norm='minmax',  # as the authors save images
    fusion_losses=dict(
        intensity=dict(type='MaxIntensityLoss'),
        gradient=dict(type='LaplacianLoss', loss_weight=0.1),
        refresh_ssim=dict(
            type='DynamicRefreshLoss', score='SSIM', pixel='l1'),
        refresh_gmsd=dict(
            type='DynamicRefreshLoss', score='GMSD', pixel='laplacian')))
