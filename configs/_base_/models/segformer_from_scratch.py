# A SegFormer-B0 that learns in some hundred iterations without pretrained
# weights: `model = dict(segmentor=_base_.from_scratch)`.

# The rarer a class, the heavier; the background is nine tenths of the image.
class_weight = [1.0, 3.0, 6.0, 6.0, 10.0, 10.0, 10.0, 10.0, 10.0]
from_scratch = dict(
    backbone=dict(drop_path_rate=0.0),
    decode_head=dict(
        channels=64,  # 256 in SegFormer-B0, half of all its cost
        dropout_ratio=0.0,
        norm_cfg=dict(type='BN'),
        loss_decode=dict(class_weight=class_weight)))
