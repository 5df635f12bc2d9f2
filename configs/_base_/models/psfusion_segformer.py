# PSFusion in front of SegFormer-B0, trained end to end.
_base_ = 'mmseg::_base_/models/segformer_mit-b0.py'

_base_.model.decode_head.num_classes = 9
# Not mmseg's: the wrapper normalizes the fused image, not the inputs.
data_preprocessor = dict(_delete_=True, type='FusionDataPreprocessor')
model = dict(
    _delete_=True,
    type='FuserSegmenter',
    data_preprocessor=dict(type='FusionDataPreprocessor'),
    fuser=dict(type='PSFusion', num_classes=9),
    fusion_losses=dict(psfusion=dict(type='PSFusionLoss')),
    segmentor=_base_.model)
