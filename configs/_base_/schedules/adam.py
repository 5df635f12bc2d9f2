# Adam at a steady rate, which most published fusers are trained with.

# =========================== frequently modified ============================
base_lr = 1e-4
max_iters = 20000
val_interval = 2000  # iterations

# ============================= rarely modified ==============================
optim_wrapper = dict(
    type='OptimWrapper', optimizer=dict(type='Adam', lr=base_lr))
param_scheduler = []
train_cfg = dict(
    type='IterBasedTrainLoop',
    max_iters=max_iters,
    val_interval=val_interval)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
# Small scales train some hundred iterations with AdamW.
short_schedule = dict(_base_='mmfusion::_base_/schedules/mini.py')
schedule_scales = dict(mini=short_schedule, synthetic=short_schedule)
