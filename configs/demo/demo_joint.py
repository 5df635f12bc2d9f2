# make demo, stage 2: the pretrained fuser and SegFormer-B0 train together.
# The three comparisons (demo_frozen.py, demo_visible.py, demo_infrared.py)
# change nothing but the fuser.
_base_ = [
    '../_base_/models/bffr_segformer.py',
    '../_base_/datasets/demo.py',
    '../_base_/schedules/mini.py',
    '../_base_/default_runtime.py',
]

# =========================== frequently modified ============================
base_lr = 2e-3  # SegFormer starts from random weights: nothing to download
max_iters = 360
class_weight = [1.0] + [6.0] * 8  # the background is nine tenths of the image
stage1_config = 'demo/demo_stage1.py'
stage1_checkpoint = f'{_base_.demo_dir}/stage1/iter_160.pth'

# ============================ possibly modified =============================
model = dict(
    fuser=dict(
        stem_channels=4,
        channels=(4, 8, 8, 8),
        heads=(1, 1, 1, 1),
        attn_norm=True,
        init_cfg=dict(type='Pretrained', checkpoint=stage1_checkpoint)),
    fusion_losses=dict(
        _delete_=True,
        intensity=dict(type='IntensityLoss', loss_weight=1.0),
        gradient=dict(type='GradientLoss', loss_weight=0.1)),
    segmentor=dict(
        decode_head=dict(
            channels=64,  # 256 in SegFormer-B0; half of all its cost
            norm_cfg=dict(type='BN'),
            loss_decode=dict(class_weight=class_weight))))

# ============================= rarely modified ==============================
optim_wrapper = dict(optimizer=dict(lr=base_lr))
param_scheduler = [
    dict(
        type='LinearLR', start_factor=0.01, by_epoch=False, begin=0, end=30),
    dict(type='PolyLR', power=0.9, by_epoch=False, begin=30, end=max_iters),
]
train_cfg = dict(max_iters=max_iters, val_interval=max_iters // 3)
randomness = dict(seed=0)
default_hooks = dict(
    logger=dict(interval=20),
    checkpoint=dict(interval=max_iters),
    visualization=dict(draw=True, interval=8),
    curves=dict(type='LossCurveHook'))
