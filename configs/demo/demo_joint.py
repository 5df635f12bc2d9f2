# make demo, stage 2: the pretrained fuser and SegFormer-B0 train together.
# The three comparisons change nothing but the fuser.
_base_ = [
    '../_base_/models/bffr_segformer.py',
    '../_base_/datasets/demo.py',
    '../_base_/schedules/mini.py',
    '../_base_/default_runtime.py',
]

# =========================== frequently modified ============================
base_lr = 1e-3  # SegFormer starts from random weights: nothing to download
max_iters = 420
fuser_lr_mult = 0.5  # the fuser is pretrained, the segmentor is not
# frozen: the fuser keeps its stage-1 weights; visible, infrared: no fusion
variant = 'joint'
length = 'full'  # short: fewer iterations
# The rarer a class, the heavier; the background is nine tenths of the image.
_base_.from_scratch.decode_head.loss_decode.class_weight = [
    1.0, 3.0, 6.0, 10.0, 10.0, 15.0, 10.0, 10.0, 10.0
]
stage1_config = 'demo/demo_stage1.py'
stage1_checkpoint = f'{_base_.demo_dir}/stage1/iter_120.pth'

# ============================ possibly modified =============================
model = dict(
    fuser=dict(
        stem_channels=8,
        channels=(8, 8, 16, 16),
        heads=(1, 1, 2, 2),
        attn_norm=True,
        init_cfg=dict(type='Pretrained', checkpoint=stage1_checkpoint)),
    fusion_losses=dict(
        _delete_=True,
        intensity=dict(type='MaxIntensityLoss', loss_weight=0.2),
        gradient=dict(type='GradientLoss', loss_weight=0.1)),
    segmentor=_base_.from_scratch)

# ============================= rarely modified ==============================
optim_wrapper = dict(
    optimizer=dict(lr=base_lr),
    paramwise_cfg=dict(custom_keys={'fuser.': dict(lr_mult=fuser_lr_mult)}))
param_scheduler = [
    dict(
        type='LinearLR', start_factor=0.01, by_epoch=False, begin=0, end=30),
    dict(type='PolyLR', power=0.9, by_epoch=False, begin=30, end=max_iters),
]
train_cfg = dict(max_iters=max_iters, val_interval=max_iters // 2)
randomness = dict(seed=0)
default_hooks = dict(
    logger=dict(interval=20),
    checkpoint=dict(interval=max_iters),
    visualization=dict(draw=True, interval=7),
    curves=dict(type='LossCurveHook'))
visible, infrared = (
    dict(
        stage1_config=None,
        stage1_checkpoint=None,
        model=dict(
            fuser=dict(_drop_=True, type='SelectModality', modality=modality),
            fusion_losses=None)) for modality in ('vis', 'ir'))
choices = dict(
    length=dict(
        full=dict(),
        short=dict(
            train_cfg=dict(max_iters=240, val_interval=240),
            param_scheduler=dict(PolyLR=dict(end=240)),
            default_hooks=dict(checkpoint=dict(interval=240)))),
    variant=dict(
        joint=dict(),
        frozen=dict(model=dict(fuser_frozen=True)),
        visible=visible,
        infrared=infrared))
run_name = 'demo_{variant}'  # the folder in work_dirs
