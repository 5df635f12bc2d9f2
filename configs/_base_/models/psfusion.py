# PSFusion by itself, with its own semantic heads.
model = dict(
    type='ImageFuser',
    fuser=dict(type='PSFusion', num_classes=9),
    fusion_losses=dict(psfusion=dict(type='PSFusionLoss')))
slim = dict(
    model=dict(
        fuser=dict(
            _of_='PSFusion', base_channels=8, depths=(1, 1, 1, 1))))
model_scales = dict(mini=slim, synthetic=slim)
