# The real-time system's README: 120 epochs of AdamW with cosine decay, here
# of MSRS (1,083 pairs, batch size 8).

# =========================== frequently modified ============================
base_lr = 1e-4
max_iters = 120 * 136  # iterations
val_interval = 10 * 136  # iterations

# ============================ possibly modified =============================
warmup_iters = 500
weight_decay = 1e-4
max_norm = 1.0  # of the whole gradient

# ============================= rarely modified ==============================
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='AdamW', lr=base_lr, weight_decay=weight_decay),
    clip_grad=dict(max_norm=max_norm),
    paramwise_cfg=dict(norm_decay_mult=0., bias_decay_mult=0.))
param_scheduler = [
    dict(
        type='LinearLR',
        start_factor=0.01,
        by_epoch=False,
        begin=0,
        end=warmup_iters),
    dict(
        type='CosineAnnealingLR',
        eta_min=1e-6,
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
# Six hundred iterations at ten times the rate, for a CPU.
short_schedule = dict(
    optim_wrapper=dict(optimizer=dict(lr=1e-3)),
    param_scheduler=dict(
        LinearLR=dict(end=50), CosineAnnealingLR=dict(begin=50, end=600)),
    train_cfg=dict(max_iters=600, val_interval=300))
schedule_scales = dict(mini=short_schedule, synthetic=short_schedule)
