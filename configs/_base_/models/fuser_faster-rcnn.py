# Any fuser in front of Faster R-CNN (two stages), ResNet-50.
_base_ = 'mmdet::_base_/models/faster-rcnn_r50_fpn.py'

_base_.model.roi_head.bbox_head.num_classes = 1
# Learns in some hundred iterations without pretrained weights.
head = dict(in_channels=64, fc_out_channels=128)
from_scratch = dict(
    backbone=dict(
        depth=18,
        base_channels=32,
        frozen_stages=-1,
        norm_eval=False,
        init_cfg=None),
    neck=dict(in_channels=[32, 64, 128, 256], out_channels=64),
    rpn_head=dict(in_channels=64, feat_channels=64),
    roi_head=dict(
        bbox_roi_extractor=dict(out_channels=64), bbox_head=head))
model = dict(
    _delete_=True,
    type='FuserDetector',
    data_preprocessor=dict(type='FusionDataPreprocessor'),
    detector=_base_.model)
synthetic_head = dict(
    from_scratch['roi_head'], bbox_head=dict(head, num_classes=3))
detector_scales = dict(
    mini=dict(model=dict(detector=from_scratch)),
    synthetic=dict(
        model=dict(detector=dict(from_scratch, roi_head=synthetic_head))))
