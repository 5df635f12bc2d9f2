# Any fuser in front of SegFormer-B0, trained end to end.
_base_ = 'mmseg::_base_/models/segformer_mit-b0.py'

_base_.model.decode_head.num_classes = 9
# Not mmseg's: the wrapper normalizes the fused image, not the inputs.
data_preprocessor = dict(_delete_=True, type='FusionDataPreprocessor')
model = dict(
    _delete_=True,
    type='FuserSegmenter',
    data_preprocessor=dict(type='FusionDataPreprocessor'),
    segmentor=_base_.model)
# What learns in some hundred iterations without pretrained weights. The rarer
# a class, the heavier; the background is nine tenths of the image.
class_weight = [1.0, 3.0, 6.0, 6.0, 10.0, 10.0, 10.0, 10.0, 10.0]
from_scratch = dict(
    backbone=dict(drop_path_rate=0.0),
    decode_head=dict(
        channels=64,  # 256 in SegFormer-B0, half of all its cost
        dropout_ratio=0.0,
        norm_cfg=dict(type='BN'),
        loss_decode=dict(class_weight=class_weight)))
segmentor_scales = dict(
    mini=dict(model=dict(segmentor=from_scratch)),
    synthetic=dict(model=dict(segmentor=from_scratch)))
