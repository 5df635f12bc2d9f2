# DIDFuse (IJCAI 2020), an autoencoder. The authors train on 180 pairs of
# FLIR.
_base_ = [
    '../_base_/models/zoo.py',
    '../_base_/datasets/roadscene.py',
    '../_base_/schedules/adam.py',
    '../_base_/default_runtime.py',
]

# =========================== frequently modified ============================
base_lr = 1e-3
max_iters = 120 * 8  # epochs of theirs
steps = (40 * 8, 80 * 8)  # from each on, a tenth of the rate

# ============================= rarely modified ==============================
model = dict(
    fuser=dict(type='DIDFuse', autoencoder=True),
    output_rounding='trunc',
    fusion_losses=dict(
        autoencoder=dict(
            type='AutoencoderLoss', pixel_weight=4.0, ssim_weight=10.0),
        decomposition=dict(type='DecompositionLoss')))
train_dataloader = dict(
    batch_size=24,
    dataset=dict(pipeline=[
        dict(type='LoadFusionPair'),
        dict(type='ResizeToCover', size=(128, 128)),
        dict(type='RandomCrop', crop_size=(128, 128)),
        dict(type='PackFusionInputs'),
    ]))
optim_wrapper = dict(optimizer=dict(lr=base_lr))
param_scheduler = [
    dict(type='MultiStepLR', by_epoch=False, milestones=steps, gamma=0.1)
]
train_cfg = dict(max_iters=max_iters, val_interval=max_iters // 3)
scales = dict(
    mini=dict(
        run_name='didfuse_mini',
        model=dict(fuser=dict(channels=16)),
        train_dataloader=dict(batch_size=2)))
