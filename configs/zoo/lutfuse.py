# LUT-Fuse (ICCV 2025). The authors distil a table from a large network, then
# fine-tune it; how is not in our specification, so losses and schedule are
# ours, and it learns alone, from the mean of both images on.
_base_ = [
    '../_base_/models/zoo.py',
    '../_base_/datasets/roadscene.py',
    '../_base_/schedules/adam.py',
    '../_base_/default_runtime.py',
]

# =========================== frequently modified ============================
base_lr = 1e-3

# ============================= rarely modified ==============================
model = dict(
    fuser=dict(type='LUTFuse'),
    fusion_losses=dict(
        intensity=dict(type='MaxIntensityLoss'),
        gradient=dict(type='GradientLoss', joint=True),
        ssim=dict(type='SSIMLoss')))
optim_wrapper = dict(optimizer=dict(lr=base_lr))
scales = dict(mini=dict(run_name='lutfuse_mini'))
