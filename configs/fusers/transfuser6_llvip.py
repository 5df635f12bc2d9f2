# TransFuser6 on LLVIP, before joint training with a detector: stage 1 of BFFR
# with PSFusion's schedule. Boxes are not used.
_base_ = './psfusion_llvip.py'

model = dict(
    fuser=dict(_delete_=True, type='TransFuser6'),
    losses=dict(_delete_=True, average=dict(type='AverageLoss')))
