# Any fuser in front of RetinaNet (single stage, anchors), ResNet-50.
_base_ = 'mmdet::_base_/models/retinanet_r50_fpn.py'

_base_.model.bbox_head.num_classes = 1
# Learns in some hundred iterations without pretrained weights.
head = dict(in_channels=64, feat_channels=64, stacked_convs=2)
from_scratch = dict(
    backbone=dict(
        depth=18,
        base_channels=32,
        frozen_stages=-1,
        norm_eval=False,
        init_cfg=None),
    neck=dict(in_channels=[32, 64, 128, 256], out_channels=64),
    bbox_head=head)
model = dict(
    _delete_=True,
    type='FuserDetector',
    data_preprocessor=dict(type='FusionDataPreprocessor'),
    detector=_base_.model)
detector_scales = dict(
    mini=dict(model=dict(detector=from_scratch)),
    synthetic=dict(
        model=dict(
            detector=dict(from_scratch, bbox_head=dict(head, num_classes=3)))))
