# One fuser for all tasks: medical, multi-exposure, multi-focus and
# infrared-visible pairs. Three of four synthetic pairs are two views of the
# visible image, out of focus, under- and over-exposed, or masked as scans are.
# Fuse with --task mef, mff, mri_ct, mri_pet or mri_spect.
_base_ = './default.py'

# =========================== frequently modified ============================
max_iters = 400

# ============================ possibly modified =============================
# What is sharp, or not clipped, in one of two views shall be seen as it is
# there: structure and edges count more than contrast.
metric_weights = dict(
    SD=0.5, SF=0.5, AG=0.5, SCD=0.5, CC=2.0, Qabf=8.0, VIF=5.0, MSE=30.0)
shares = dict(focus=0.3, exposure=0.3, scan=0.15)

# ============================= rarely modified ==============================
model = dict(fusion_losses=dict(metric=dict(weights=metric_weights)))
train_dataloader = dict(
    dataset=dict(pipeline=[
        *_base_.geometry,
        dict(type='SimulateViews', shares=shares),
        *_base_.cameras,
        dict(type='PackFusionInputs'),
    ]))
train_cfg = dict(max_iters=max_iters, val_interval=max_iters)
run_name = 'default_tasks'  # the folder in work_dirs
