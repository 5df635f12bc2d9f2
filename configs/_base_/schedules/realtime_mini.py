# Six hundred iterations at ten times the rate, for a CPU.
_base_ = './realtime_120e.py'

# =========================== frequently modified ============================
base_lr = 1e-3
max_iters = 600  # iterations
val_interval = 300  # iterations

# ============================ possibly modified =============================
warmup_iters = 50

# ============================= rarely modified ==============================
optim_wrapper = dict(optimizer=dict(lr=base_lr))
param_scheduler = _base_.param_scheduler
param_scheduler[0].end = warmup_iters
param_scheduler[1].update(begin=warmup_iters, end=max_iters)
train_cfg = dict(max_iters=max_iters, val_interval=val_interval)
