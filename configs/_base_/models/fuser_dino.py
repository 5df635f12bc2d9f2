# Any fuser in front of DINO (a transformer), ResNet-50.
from mmengine import Config

# Of a whole experiment of mmdet, only the model is wanted.
detector = Config.fromstring(
    "_base_ = 'mmdet::dino/dino-4scale_r50_8xb2-12e_coco.py'", '.py').model
detector.bbox_head.num_classes = 1
# Slim: what little data and a CPU allow. mmdet 3.3 encodes boxes for
# transformers of 256 channels alone.
layer = dict(ffn_cfg=dict(feedforward_channels=128))
from_scratch = dict(
    num_queries=50,
    backbone=dict(
        depth=18,
        base_channels=32,
        frozen_stages=-1,
        norm_cfg=dict(requires_grad=True),
        norm_eval=False,
        init_cfg=None),
    neck=dict(in_channels=[64, 128, 256]),
    encoder=dict(num_layers=1, layer_cfg=layer),
    decoder=dict(num_layers=2, layer_cfg=layer),
    dn_cfg=dict(group_cfg=dict(num_dn_queries=20)),
    test_cfg=dict(max_per_img=50))
model = dict(
    type='FuserDetector',
    data_preprocessor=dict(type='FusionDataPreprocessor'),
    detector=detector)
detector_scales = dict(
    mini=dict(model=dict(detector=from_scratch)),
    synthetic=dict(
        model=dict(
            detector=dict(from_scratch, bbox_head=dict(num_classes=3)))))
del Config, detector, layer
