# GIFNet (CVPR 2025), pairs of any task; it learns from infrared-visible pairs
# and from visible images out of focus, in turn. As the authors: batches of
# eight, patches of 128, Adam, what gets a gradient. Theirs and unknown here:
# their 19,999 quadruples of images; weights of both sources from a
# DenseNet-121 (here of the images' own gradients); MS-SSIM (here SSIM).
_base_ = [
    '../_base_/models/zoo.py',
    '../_base_/datasets/roadscene.py',
    '../_base_/schedules/adam.py',
    '../_base_/default_runtime.py',
]

# =========================== frequently modified ============================
base_lr = 1e-3
batch_size = 8
crop_size = (128, 128)  # (height, width), pixels

# ============================= rarely modified ==============================
model = dict(
    type='GIFNetTrainer',
    fuser=dict(type='GIFNet', colour_formula='pillow'),
    output_colour='grey',
    output_rounding='trunc',
    fusion_losses=dict(
        pair=dict(
            type='InformationPreservationLoss',
            ssim_weight=0.,
            mse_weight=1.)),
    focus_losses=dict(focus=dict(type='SourceMSELoss', ir_weight=0.)))
train_pipeline = [
    dict(type='LoadFusionPair'),
    dict(type='ResizeToCover', size=crop_size),
    dict(type='RandomCrop', crop_size=crop_size),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackFusionInputs'),
]
train_dataloader = dict(
    batch_size=batch_size, dataset=dict(pipeline=train_pipeline))
optim_wrapper = dict(optimizer=dict(lr=base_lr))
slim = dict(growth=8, widths=(32, 16, 16, 8))
scales = dict(
    mini=dict(
        run_name='gifnet_mini',
        model=dict(fuser=slim),
        train_dataloader=dict(batch_size=4)))
