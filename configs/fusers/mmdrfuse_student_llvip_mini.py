# MMDRFuse's student by itself, without a teacher, short, on a small set of
# LLVIP pairs: learns to show the brighter image and the stronger edge.
_base_ = './psfusion_llvip_mini.py'

model = dict(
    fuser=dict(_delete_=True, type='MMDRFuseStudent'),
    losses=dict(
        _delete_=True,
        intensity=dict(type='MaxIntensityLoss'),
        gradient=dict(type='LaplacianLoss', loss_weight=0.1)))
