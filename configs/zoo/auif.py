# AUIF (IEEE TCSVT 2021), an autoencoder. The authors train on the images of
# 180 pairs of FLIR, 32 at once; this takes both images of 16 pairs.
_base_ = [
    '../_base_/models/zoo.py',
    '../_base_/datasets/roadscene.py',
    '../_base_/schedules/adam.py',
    '../_base_/default_runtime.py',
]

# =========================== frequently modified ============================
base_lr = 1e-2
max_iters = 80 * 12  # epochs of theirs
steps = (41 * 12, )  # from there on, a tenth of the rate

# ============================= rarely modified ==============================
model = dict(
    fuser=dict(type='AUIF', autoencoder=True),
    output_colour='grey',  # as published
    fusion_losses=dict(
        autoencoder=dict(
            type='AutoencoderLoss', ssim_weight=2.5, window_size=3)))
train_dataloader = dict(
    batch_size=16,
    dataset=dict(pipeline=[
        dict(type='LoadFusionPair'),
        dict(type='ResizeToCover', size=(128, 128)),
        dict(type='RandomCrop', crop_size=(128, 128)),
        dict(type='PackFusionInputs'),
    ]))
optim_wrapper = dict(
    optimizer=dict(lr=base_lr),
    paramwise_cfg=dict(custom_keys={'fuser.detail': dict(lr_mult=0.1)}))
param_scheduler = [
    dict(type='MultiStepLR', by_epoch=False, milestones=steps, gamma=0.1)
]
train_cfg = dict(max_iters=max_iters, val_interval=max_iters // 4)
scales = dict(
    mini=dict(
        run_name='auif_mini',
        model=dict(fuser=dict(channels=8)),
        train_dataloader=dict(batch_size=2)))
