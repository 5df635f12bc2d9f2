# DATFuse (IEEE TCSVT 33(7), 2023), with the authors' losses, patches and
# rate. Their data are unknown: RoadScene stands in.
_base_ = [
    '../_base_/models/zoo.py',
    '../_base_/datasets/roadscene.py',
    '../_base_/schedules/adam.py',
    '../_base_/default_runtime.py',
]

# =========================== frequently modified ============================
base_lr = 1e-3
batch_size = 128
crop_size = (120, 120)  # (height, width), pixels
# The authors' code compares one gradient, the mean of the whole batch.
# False: that of each pixel.
of_means = True

# ============================= rarely modified ==============================
model = dict(
    fuser=dict(type='DATFuse', colour_formula='pillow'),
    output_colour='grey',
    output_rounding='trunc',
    fusion_losses=dict(
        intensity=dict(type='SourceMSELoss'),
        ssim=dict(type='SSIMLoss', target='max', loss_weight=10.),
        gradient=dict(
            type='GradientLoss',
            joint=True,
            of_means=of_means,
            loss_weight=100.)))
train_pipeline = [
    dict(type='LoadFusionPair'),
    dict(type='ResizeToCover', size=crop_size),
    dict(type='RandomCrop', crop_size=crop_size),
    dict(type='PackFusionInputs'),
]
train_dataloader = dict(
    batch_size=batch_size, dataset=dict(pipeline=train_pipeline))
optim_wrapper = dict(optimizer=dict(lr=base_lr))
scales = dict(
    mini=dict(
        run_name='datfuse_mini', train_dataloader=dict(batch_size=8)))
