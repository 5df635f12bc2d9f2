# Another segmentor by config lines: PSPNet on ResNet-18, auxiliary head.
_base_ = [
    'mmseg::_base_/models/pspnet_r50-d8.py',
    '../_base_/datasets/synthetic.py',
    '../_base_/schedules/mini.py',
    '../_base_/mini_runtime.py',
]

_base_.model.pretrained = None
_base_.model.backbone.depth = 18
_base_.model.decode_head.update(
    in_channels=512, channels=128, num_classes=9)
_base_.model.auxiliary_head.update(
    in_channels=256, channels=64, num_classes=9)
data_preprocessor = dict(_delete_=True, type='FusionDataPreprocessor')
model = dict(
    _delete_=True,
    type='FuserSegmenter',
    data_preprocessor=dict(type='FusionDataPreprocessor'),
    fuser=dict(type='PSFusion', base_channels=8, depths=(1, 1, 1, 1)),
    fusion_losses=dict(psfusion=dict(type='PSFusionLoss')),
    segmentor=_base_.model)
