# The default fuser for infrared-visible pairs, trained on synthetic scenes
# alone (data/synthetic_rgbt) to score well in all metrics of the preset
# 'default' at once. Its weights come with the package: docs/weights.md.
_base_ = [
    '../_base_/datasets/synthetic_pairs.py',
    '../_base_/schedules/mini.py',
    '../_base_/default_runtime.py',
]

# =========================== frequently modified ============================
max_iters = 400
base_lr = 5e-3

# ============================ possibly modified =============================
# About one over the spread of each metric among fusion methods, so that none
# is bought with the others. SD, SF and AG count by their logarithms.
metric_weights = dict(
    EN=0.7,
    SD=2.5,
    SF=1.5,
    AG=1.5,
    MI=1.5,
    SCD=2.0,
    CC=6.0,
    VIF=6.0,
    Qabf=10.0,
    Nabf=8.0,
    SSIM=10.0,
    MS_SSIM=7.0,
    MSE=120.0,
    range=20.0)

# ============================= rarely modified ==============================
model = dict(
    type='ImageFuser',
    data_preprocessor=dict(type='FusionDataPreprocessor'),
    fuser=dict(type='WeightedPyramidFuser'),
    fusion_losses=dict(metric=dict(type='MetricLoss', weights=metric_weights)))
optim_wrapper = dict(optimizer=dict(lr=base_lr, weight_decay=0.0))
param_scheduler = [
    dict(
        type='LinearLR', start_factor=0.01, by_epoch=False, begin=0, end=20),
    dict(
        type='CosineAnnealingLR',
        eta_min=0.0,
        by_epoch=False,
        begin=20,
        end=max_iters)
]
train_cfg = dict(max_iters=max_iters, val_interval=max_iters)
default_hooks = dict(checkpoint=dict(interval=max_iters))
run_name = 'default_fuser'  # the folder in work_dirs
