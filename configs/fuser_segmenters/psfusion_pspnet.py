# Another segmentor by config lines: PSFusion and PSPNet on ResNet-50,
# auxiliary head, trained jointly on MSRS.
_base_ = [
    'mmseg::_base_/models/pspnet_r50-d8.py',
    '../_base_/datasets/msrs.py',
    '../_base_/schedules/segformer_160k.py',
    '../_base_/default_runtime.py',
]

# =========================== frequently modified ============================
num_classes = 9

# ============================= rarely modified ==============================
_base_.model.pretrained = None
_base_.model.decode_head.num_classes = num_classes
_base_.model.auxiliary_head.num_classes = num_classes
data_preprocessor = dict(_delete_=True, type='FusionDataPreprocessor')
model = dict(
    _delete_=True,
    type='FuserSegmenter',
    data_preprocessor=dict(type='FusionDataPreprocessor'),
    fuser=dict(type='PSFusion'),
    fusion_losses=dict(psfusion=dict(type='PSFusionLoss')),
    segmentor=_base_.model)
# ResNet-18 and half the channels.
scales = dict(
    synthetic=dict(
        model=dict(
            fuser=dict(base_channels=8, depths=(1, 1, 1, 1)),
            segmentor=dict(
                backbone=dict(depth=18),
                decode_head=dict(in_channels=512, channels=128),
                auxiliary_head=dict(in_channels=256, channels=64)))))
