# DeepFuse (ICCV 2017), two extreme exposures, trained on their MEF-SSIM. The
# authors' training code is not published; its comments say Adam, 1e-3.
_base_ = [
    '../_base_/models/zoo.py',
    '../_base_/datasets/sice.py',
    '../_base_/schedules/adam.py',
    '../_base_/default_runtime.py',
]

# =========================== frequently modified ============================
base_lr = 1e-3

# ============================= rarely modified ==============================
model = dict(
    task='mef',
    fuser=dict(type='DeepFuse', colour_formula='pillow'),
    fusion_losses=dict(mef_ssim=dict(type='MEFSSIMLoss')))
optim_wrapper = dict(optimizer=dict(lr=base_lr))
scales = dict(mini=dict(run_name='deepfuse_mini'))
