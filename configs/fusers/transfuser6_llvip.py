# TransFuser6 on LLVIP, before joint training with a detector: stage 1 of BFFR
# with PSFusion's schedule. Boxes are not used.
_base_ = './psfusion_llvip.py'

model = dict(
    fuser=dict(_delete_=True, type='TransFuser6'),
    fusion_losses=dict(_delete_=True, average=dict(type='AverageLoss')))
slim = dict(
    model=dict(fuser=dict(stem_channels=8, channels=(16, 24, 32, 48))))
model_scales = dict(_delete_=True, mini=slim)
scales = dict(mini=dict(run_name='transfuser6_llvip_mini'))
