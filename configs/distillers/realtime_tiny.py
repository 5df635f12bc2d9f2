# The real-time student, tiny, learns from the images of a teacher on MSRS,
# without the terms that need VGG weights.
_base_ = [
    '../_base_/models/realtime_base.py',
    '../_base_/datasets/distill.py',
    '../_base_/schedules/realtime_120e.py',
    '../_base_/default_runtime.py',
]

# =========================== frequently modified ============================
# mobilenetv3: encoders of timm; their weights are loaded by
# model.student.backbone_checkpoint=FILE
backbone = 'own'

# ============================= rarely modified ==============================
model = dict(student=dict(size='tiny'))
best = dict(save_best='distill/SSIM', rule='greater')
default_hooks = dict(
    loss_stages=_base_.loss_stages,
    checkpoint=dict(interval=_base_.val_interval, **best))
choices = dict(
    backbone=dict(
        own=dict(),
        mobilenetv3=dict(
            network='realtime_mobilenetv3',
            model=dict(student=dict(backbone='mobilenetv3_large_100')))))
network = 'realtime_tiny'
run_name = '{network}_novgg_msrs'  # the folder in work_dirs
small = dict(checkpoint=best, visualization=dict(draw=False))
scales = dict(
    mini=dict(
        run_name='{network}_mini',
        default_hooks=small,
        # for a teacher of luminance such as MMDRFuse's: colour is the
        # visible image's
        model=dict(student=dict(out_mode='y'))),
    synthetic=dict(run_name='{network}_synthetic', default_hooks=small))
