# TransFuser6 in front of SegFormer-B0, trained end to end.
_base_ = './fuser_segformer.py'

model = dict(
    fuser=dict(type='TransFuser6'),
    # 1 / (CC(ir, fused) + CC(vis, fused)), lambda of the paper's code
    fusion_losses=dict(
        correlation=dict(type='CorrelationLoss', loss_weight=0.001)))
slim = dict(
    model=dict(
        fuser=dict(
            _of_='TransFuser6',
            stem_channels=8,
            channels=(16, 24, 32, 48))))
model_scales = dict(mini=slim, synthetic=slim)
