# A backbone of timm by config lines: MMDRFuse's student and mmseg's FPN on
# ConvNeXt V2 Atto, trained jointly on MSRS. mmdet's heads take it the same
# way.
_base_ = [
    'mmseg::_base_/models/fpn_r50.py',
    '../_base_/datasets/msrs.py',
    '../_base_/schedules/segformer_160k.py',
    '../_base_/default_runtime.py',
]

# =========================== frequently modified ============================
num_classes = 9
backbone = 'convnextv2_atto'  # a model of timm with four strides, 4 to 32
channels = [40, 80, 160, 320]  # its widths: timm's feature_info.channels()
# A file of weights, e.g. timm's; '' trains from scratch.
backbone_checkpoint = ''

# ============================= rarely modified ==============================
segmentor = _base_.model
segmentor.pretrained = None
segmentor.backbone = dict(
    type='TIMMBackbone',
    model_name=backbone,
    pretrained=False,  # else timm loads weights from the net
    checkpoint_path=backbone_checkpoint,
    out_indices=(0, 1, 2, 3))
segmentor.neck.in_channels = channels
segmentor.decode_head.num_classes = num_classes
data_preprocessor = dict(_delete_=True, type='FusionDataPreprocessor')
model = dict(
    _delete_=True,
    type='FuserSegmenter',
    data_preprocessor=dict(type='FusionDataPreprocessor'),
    fuser=dict(type='MMDRFuseStudent'),
    fusion_losses=dict(
        intensity=dict(type='MaxIntensityLoss'),
        gradient=dict(type='LaplacianLoss', loss_weight=0.1)),
    segmentor=segmentor)
# A quarter of the channels behind the backbone.
scales = dict(
    synthetic=dict(
        model=dict(
            segmentor=dict(
                neck=dict(out_channels=64),
                decode_head=dict(in_channels=[64] * 4, channels=32)))))
