# FILM (ICML 2024): Adam, 150 epochs, the rate times 0.6 every 50 epochs.

# =========================== frequently modified ============================
base_lr = 1e-5
max_iters = 81150  # 150 epochs of 541 batches: 1,083 pairs, batch size 2
val_interval = 5410  # iterations

# ============================ possibly modified =============================
step_iters = 27050  # 50 epochs
gamma = 0.6

# ============================= rarely modified ==============================
optim_wrapper = dict(
    type='OptimWrapper', optimizer=dict(type='Adam', lr=base_lr))
param_scheduler = [
    dict(type='StepLR', step_size=step_iters, gamma=gamma, by_epoch=False)
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
