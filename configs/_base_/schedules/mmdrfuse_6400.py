# MMDRFuse (ACM MM 2024): ten epochs of Adam at a constant rate.

# =========================== frequently modified ============================
base_lr = 1e-4
max_iters = 6400  # 10 epochs of 640 batches: 16,000 patches, batch size 25
val_interval = 640  # iterations

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
# A tenth of the iterations at ten times the rate, for a CPU.
short_schedule = dict(
    optim_wrapper=dict(optimizer=dict(lr=1e-3)),
    train_cfg=dict(max_iters=640, val_interval=320))
schedule_scales = dict(mini=short_schedule, synthetic=short_schedule)
