# MMDRFuse's student by itself, without a teacher, on MFNet: learns to show
# the brighter image and the stronger edge.
_base_ = './transfuser6_avg_mfnet.py'

model = dict(
    fuser=dict(_delete_=True, type='MMDRFuseStudent'),
    fusion_losses=dict(
        _delete_=True,
        intensity=dict(type='MaxIntensityLoss'),
        gradient=dict(type='LaplacianLoss', loss_weight=0.1)))
scales = dict(
    _delete_=True, synthetic=dict(run_name='mmdrfuse_student_synthetic'))
