# A backbone of mmpretrain by config lines: MMDRFuse's student and mmdet's
# RetinaNet on ConvNeXt-Atto, trained jointly on LLVIP. Needs mmpretrain.
# mmseg's heads take it the same way.
_base_ = [
    'mmdet::_base_/models/retinanet_r50_fpn.py',
    '../_base_/datasets/llvip_det.py',
    '../_base_/schedules/det_24k.py',
    '../_base_/det_runtime.py',
]

# =========================== frequently modified ============================
arch = 'atto'  # of mmpretrain's ConvNeXt
channels = [80, 160, 320]  # its widths at strides 8, 16 and 32
# A file of weights of mmpretrain; None trains from scratch.
backbone_checkpoint = None

# ============================= rarely modified ==============================
detector = _base_.model
detector.backbone = dict(
    type='mmpretrain.ConvNeXt',  # the name imports mmpretrain
    arch=arch,
    out_indices=(1, 2, 3),
    gap_before_final_norm=False)
if backbone_checkpoint is not None:
    detector.backbone.init_cfg = dict(
        type='Pretrained', checkpoint=backbone_checkpoint, prefix='backbone.')
detector.neck.update(in_channels=channels, start_level=0)
detector.bbox_head.num_classes = 1
model = dict(
    _delete_=True,
    type='FuserDetector',
    data_preprocessor=dict(type='FusionDataPreprocessor'),
    fuser=dict(type='MMDRFuseStudent'),
    fusion_losses=dict(
        intensity=dict(type='MaxIntensityLoss'),
        gradient=dict(type='LaplacianLoss', loss_weight=0.1)),
    detector=detector)
# A quarter of the channels behind the backbone.
head = dict(in_channels=64, feat_channels=64, stacked_convs=2)
small = dict(neck=dict(out_channels=64), bbox_head=head)
scales = dict(
    mini=dict(model=dict(detector=small)),
    synthetic=dict(
        model=dict(
            detector=dict(small, bbox_head=dict(head, num_classes=3)))))
