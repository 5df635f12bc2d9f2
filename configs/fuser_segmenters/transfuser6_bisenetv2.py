# Another segmentor by config lines: TransFuser6 and BiSeNetV2, a real-time
# CNN with four auxiliary heads, trained jointly on MSRS.
_base_ = [
    'mmseg::_base_/models/bisenetv2.py',
    '../_base_/datasets/msrs.py',
    '../_base_/schedules/segformer_160k.py',
    '../_base_/default_runtime.py',
]

# =========================== frequently modified ============================
num_classes = 9

# ============================= rarely modified ==============================
for head in [_base_.model.decode_head, *_base_.model.auxiliary_head]:
    head.num_classes = num_classes
del head
data_preprocessor = dict(_delete_=True, type='FusionDataPreprocessor')
model = dict(
    _delete_=True,
    type='FuserSegmenter',
    data_preprocessor=dict(type='FusionDataPreprocessor'),
    fuser=dict(type='TransFuser6'),
    fusion_losses=dict(average=dict(type='AverageLoss')),
    segmentor=_base_.model)
slim = dict(stem_channels=8, channels=(16, 24, 32, 48))
scales = dict(synthetic=dict(model=dict(fuser=slim)))
