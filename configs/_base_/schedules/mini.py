# A few hundred iterations of AdamW, for two CPU cores.

# =========================== frequently modified ============================
base_lr = 1e-3  # for random weights; a tenth for pretrained backbones
max_iters = 600  # iterations
val_interval = 300  # iterations
fuser_lr_mult = 1.0  # below 1 to keep a pretrained fuser close to its start

# ============================ possibly modified =============================
warmup_iters = 50
max_norm = 5.0  # of the whole gradient; calms the first iterations

# ============================= rarely modified ==============================
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(
        type='AdamW', lr=base_lr, betas=(0.9, 0.999), weight_decay=0.01),
    clip_grad=dict(max_norm=max_norm),
    paramwise_cfg=dict(
        norm_decay_mult=0.,
        bypass_duplicate=True,  # some detectors share layers
        custom_keys=dict(fuser=dict(lr_mult=fuser_lr_mult))))
param_scheduler = [
    dict(
        type='LinearLR',
        start_factor=0.01,
        by_epoch=False,
        begin=0,
        end=warmup_iters),
    dict(
        type='PolyLR',
        power=1.0,
        eta_min=0.,
        by_epoch=False,
        begin=warmup_iters,
        end=max_iters)
]
train_cfg = dict(
    type='IterBasedTrainLoop',
    max_iters=max_iters,
    val_interval=val_interval)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
