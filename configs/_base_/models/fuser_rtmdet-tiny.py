# Any fuser in front of RTMDet-tiny (single stage, no anchors).
from mmengine import Config

# Of a whole experiment of mmdet, only the model is wanted.
detector = Config.fromstring(
    "_base_ = 'mmdet::rtmdet/rtmdet_tiny_8xb32-300e_coco.py'", '.py').model
detector.bbox_head.num_classes = 1
# The neck joins strides 8 to 32; RTMDet itself relies on inputs of 640.
detector.data_preprocessor.pad_size_divisor = 32
# Learns in some hundred iterations without pretrained weights.
head = dict(norm_cfg=dict(type='BN'))
from_scratch = dict(
    use_syncbn=False,
    backbone=dict(norm_cfg=dict(type='BN'), init_cfg=None),
    neck=dict(norm_cfg=dict(type='BN')),
    bbox_head=head)
model = dict(
    type='FuserDetector',
    data_preprocessor=dict(type='FusionDataPreprocessor'),
    detector=detector)
detector_scales = dict(
    mini=dict(model=dict(detector=from_scratch)),
    synthetic=dict(
        model=dict(
            detector=dict(from_scratch, bbox_head=dict(head, num_classes=3)))))
del Config, detector
