# MMDRFuse's student for a wrapper of detectors, see joint_psfusion.py.
fuser = dict(type='MMDRFuseStudent')
slim_fuser = fuser  # 113 weights
fusion_losses = dict(
    intensity=dict(type='MaxIntensityLoss'),
    gradient=dict(type='LaplacianLoss', loss_weight=0.1))
