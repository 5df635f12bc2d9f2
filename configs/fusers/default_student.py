# The default in 113 weights: MMDRFuse's student, trained as default.py. Five
# pixels around each are all that it sees, so it knows neither day nor night.
_base_ = './default.py'

# =========================== frequently modified ============================
max_iters = 250
base_lr = 1e-2

# ============================ possibly modified =============================
model = dict(fuser=dict(_delete_=True, type='MMDRFuseStudent'))
optim_wrapper = dict(optimizer=dict(lr=base_lr))
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
run_name = 'default_student'  # the folder in work_dirs
