# Early fusion, the usual baseline of RGB-thermal papers: no fuser, but a
# SegFormer-B0 that takes the visible image and, in a fourth channel, the
# infrared one. Shown as fused is the visible image.
_base_ = [
    '../_base_/models/fuser_segformer.py',
    '../_base_/datasets/msrs.py',
    '../_base_/schedules/segformer_160k.py',
    '../_base_/default_runtime.py',
]

# =========================== frequently modified ============================
task_channels = 4  # 6: infrared three times, as RGB
# MiT-B0 weights for RGB as mmseg's model zoo lists them, whose first layer is
# inflated; None trains from scratch, which papers do not.
backbone_checkpoint = None

# ============================= rarely modified ==============================
model = dict(
    fuser=dict(type='SelectModality', modality='vis'),
    task_channels=task_channels)
if backbone_checkpoint is not None:
    model['segmentor'] = dict(
        backbone=dict(
            init_cfg=dict(type='Pretrained', checkpoint=backbone_checkpoint)))
default_hooks = dict(checkpoint=dict(save_best='mIoU'))
scales = dict(
    mini=dict(run_name='stacked_segformer_mini'),
    synthetic=dict(run_name='stacked_segformer_synthetic'))
