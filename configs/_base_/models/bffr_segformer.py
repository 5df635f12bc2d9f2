# TransFuser6 in front of SegFormer-B0, trained end to end.
_base_ = 'mmseg::_base_/models/segformer_mit-b0.py'

_base_.model.decode_head.num_classes = 9
# Not mmseg's: the wrapper normalizes the fused image, not the inputs.
data_preprocessor = dict(_delete_=True, type='FusionDataPreprocessor')
model = dict(
    _delete_=True,
    type='FuserSegmenter',
    data_preprocessor=dict(type='FusionDataPreprocessor'),
    fuser=dict(type='TransFuser6'),
    # 1 / (CC(ir, fused) + CC(vis, fused)), lambda of the paper's code
    fusion_losses=dict(
        correlation=dict(type='CorrelationLoss', loss_weight=0.001)),
    segmentor=_base_.model)
