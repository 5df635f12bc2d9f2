# MMDRFuse's teacher, without the terms that need VGG weights; those are in
# mmdrfuse_vgg.py. The refresh losses need fixed patches.
model = dict(
    type='ImageFuser',
    fuser=dict(type='MMDRFuseTeacher'),
    output_norm='minmax',  # as the authors save images
    fusion_losses=dict(
        intensity=dict(type='MaxIntensityLoss', loss_weight=2.0),
        gradient=dict(type='LaplacianLoss', loss_weight=0.1),
        refresh_ssim=dict(
            type='DynamicRefreshLoss', score='SSIM', pixel='l1'),
        refresh_gmsd=dict(
            type='DynamicRefreshLoss', score='GMSD', pixel='laplacian')))
