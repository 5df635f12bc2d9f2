# SegFormer's schedule as BFFR and PSFusion's SegFormer branch use it: AdamW,
# poly decay to zero over 160,000 iterations.

# =========================== frequently modified ============================
base_lr = 6e-5
max_iters = 160000  # iterations
val_interval = 2000  # iterations

# ============================ possibly modified =============================
warmup_iters = 1500
head_lr_mult = 10.  # a head without pretrained weights learns faster

# ============================= rarely modified ==============================
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(
        type='AdamW', lr=base_lr, betas=(0.9, 0.999), weight_decay=0.01),
    paramwise_cfg=dict(
        custom_keys=dict(
            pos_block=dict(decay_mult=0.),
            norm=dict(decay_mult=0.),
            decode_head=dict(lr_mult=head_lr_mult))))
# Both factors act together in the warm-up; the decay does not wait for it.
# Both end one step later than their length says: mmengine counts the steps
# from first to last value, so that the last value is at `end - 1`.
param_scheduler = [
    dict(
        type='LinearLR',
        start_factor=1e-6,
        by_epoch=False,
        begin=0,
        end=warmup_iters + 1),
    dict(
        type='PolyLR',
        power=1.0,
        eta_min=0.,
        by_epoch=False,
        begin=0,
        end=max_iters + 1)
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
