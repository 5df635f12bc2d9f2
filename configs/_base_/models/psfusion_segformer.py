# PSFusion in front of SegFormer-B0, trained end to end.
_base_ = './fuser_segformer.py'

model = dict(
    fuser=dict(type='PSFusion', num_classes=9),
    fusion_losses=dict(psfusion=dict(type='PSFusionLoss')))
slim = dict(
    model=dict(
        fuser=dict(
            _of_='PSFusion', base_channels=8, depths=(1, 1, 1, 1))))
model_scales = dict(mini=slim, synthetic=slim)
