# Another segmentor by config lines: BiSeNetV2, a real-time CNN with four
# auxiliary heads.
_base_ = [
    'mmseg::_base_/models/bisenetv2.py',
    '../_base_/datasets/synthetic.py',
    '../_base_/schedules/mini.py',
    '../_base_/mini_runtime.py',
]

for head in [_base_.model.decode_head, *_base_.model.auxiliary_head]:
    head.num_classes = 9
del head
data_preprocessor = dict(_delete_=True, type='FusionDataPreprocessor')
model = dict(
    _delete_=True,
    type='FuserSegmenter',
    data_preprocessor=dict(type='FusionDataPreprocessor'),
    fuser=dict(
        type='TransFuser6', stem_channels=8, channels=(16, 24, 32, 48)),
    fusion_losses=dict(average=dict(type='AverageLoss')),
    segmentor=_base_.model)
