# TransFuser6 by itself (BFFR's stage 1): learns the average of its inputs.
model = dict(
    type='ImageFuser',
    fuser=dict(type='TransFuser6'),
    losses=dict(average=dict(type='AverageLoss')))
