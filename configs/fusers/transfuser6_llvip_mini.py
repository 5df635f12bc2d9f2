# TransFuser6, slim and short, on a small set of LLVIP pairs. Boxes are not
# used.
_base_ = './psfusion_llvip_mini.py'

model = dict(
    fuser=dict(
        _delete_=True,
        type='TransFuser6',
        stem_channels=8,
        channels=(16, 24, 32, 48)),
    losses=dict(_delete_=True, average=dict(type='AverageLoss')))
