# TransFuser6 by itself (BFFR's stage 1): learns the average of its inputs.
model = dict(
    type='ImageFuser',
    fuser=dict(type='TransFuser6'),
    fusion_losses=dict(average=dict(type='AverageLoss')))
slim = dict(
    model=dict(
        fuser=dict(
            _of_='TransFuser6',
            stem_channels=8,
            channels=(16, 24, 32, 48))))
model_scales = dict(mini=slim, synthetic=slim)
