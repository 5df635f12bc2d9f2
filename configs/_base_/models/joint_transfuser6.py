# TransFuser6 for a wrapper of detectors, see joint_psfusion.py.
fuser = dict(type='TransFuser6')
slim_fuser = dict(
    type='TransFuser6', stem_channels=8, channels=(16, 24, 32, 48))
# 1 / (CC(ir, fused) + CC(vis, fused)), lambda of BFFR's code
fusion_losses = dict(
    correlation=dict(type='CorrelationLoss', loss_weight=0.001))
