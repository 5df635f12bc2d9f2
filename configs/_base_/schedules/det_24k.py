# AdamW for joint training of detectors: about 16 epochs of LLVIP at 8 pairs.

# =========================== frequently modified ============================
base_lr = 1e-4
max_iters = 24000  # iterations
val_interval = 2000  # iterations
fuser_lr_mult = 0.1  # the fuser is trained already: keep it near its start

# ============================ possibly modified =============================
warmup_iters = 500
max_norm = 10.0  # of the whole gradient

# ============================= rarely modified ==============================
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(
        type='AdamW', lr=base_lr, betas=(0.9, 0.999), weight_decay=0.05),
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
        type='MultiStepLR',
        by_epoch=False,
        begin=warmup_iters,
        end=max_iters,
        milestones=[max_iters * 2 // 3, max_iters * 11 // 12],
        gamma=0.1)
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
