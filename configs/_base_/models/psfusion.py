# PSFusion by itself, with its own semantic heads.
model = dict(
    type='ImageFuser',
    fuser=dict(type='PSFusion', num_classes=9),
    losses=dict(psfusion=dict(type='PSFusionLoss')))
