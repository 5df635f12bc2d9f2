# PSFusion (Information Fusion 99, 2023): SGD, exponential warm-up, poly decay.

# =========================== frequently modified ============================
base_lr = 1e-3
max_iters = 677500  # 2,500 epochs of 271 batches: 1,083 pairs, batch size 4
val_interval = 5000  # iterations

# ============================ possibly modified =============================
warmup_iters = 1000  # from base_lr / 100, factor 100 ** (it / 1000)

# ============================= rarely modified ==============================
# Weight decay acts on every parameter, as in the authors' code.
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(
        type='SGD', lr=base_lr, momentum=0.9, weight_decay=5e-4))
param_scheduler = [
    dict(
        type='ExponentialWarmupLR',
        start_factor=0.01,
        by_epoch=False,
        begin=0,
        end=warmup_iters),
    dict(
        type='PolyLR',
        power=0.9,
        eta_min=0.,
        by_epoch=False,
        begin=warmup_iters,
        end=max_iters + 1)  # the last value is at end - 1
]
train_cfg = dict(
    type='IterBasedTrainLoop',
    max_iters=max_iters,
    val_interval=val_interval)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
# Small scales train some hundred iterations with AdamW.
short_schedule = dict(_base_='mmfusion::_base_/schedules/mini.py')
schedule_scales = dict(mini=short_schedule, synthetic=short_schedule)
