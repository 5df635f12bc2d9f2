# A tenth of MMDRFuse's iterations at ten times its rate, for a CPU.
_base_ = './mmdrfuse_6400.py'

# =========================== frequently modified ============================
base_lr = 1e-3
max_iters = 640  # iterations
val_interval = 320  # iterations

# ============================= rarely modified ==============================
optim_wrapper = dict(optimizer=dict(lr=base_lr))
train_cfg = dict(max_iters=max_iters, val_interval=val_interval)
