# SeAFusion (Information Fusion 82, 2022) by itself, as in the first round of
# the authors' joint scheme, which is fuser_segmenters/seafusion_bisenetv1.py.
_base_ = [
    '../_base_/models/zoo.py',
    '../_base_/datasets/msrs.py',
    '../_base_/schedules/adam.py',
    '../_base_/default_runtime.py',
]

# =========================== frequently modified ============================
base_lr = 1e-3 / 0.75
max_iters = 1350  # 10 epochs of 135 batches: 1,083 pairs, batch size 8

# ============================= rarely modified ==============================
model = dict(
    fuser=dict(type='SeAFusion'),
    output_norm='minmax_rgb',
    output_rounding='trunc',
    fusion_losses=dict(
        intensity=dict(type='MaxIntensityLoss'),
        gradient=dict(type='GradientLoss', joint=True, loss_weight=10.0)))
# Whole images; the small scales have crops.
train_dataloader = dict(
    dataset=dict(
        data_prefix=dict(seg_map_path=None),
        pipeline=[dict(type='LoadFusionPair'),
                  dict(type='PackFusionInputs')]))
val_evaluator = []  # nothing to score: validation draws fused images only
test_evaluator = []
optim_wrapper = dict(optimizer=dict(lr=base_lr))
param_scheduler = [
    dict(type='StepLR', by_epoch=False, step_size=135, gamma=0.75)
]
train_cfg = dict(max_iters=max_iters, val_interval=max_iters)
slim = dict(fuser=dict(channels=(8, 16, 24)))
scales = dict(
    mini=dict(run_name='seafusion_mini', model=slim),
    synthetic=dict(run_name='seafusion_synthetic', model=slim))
