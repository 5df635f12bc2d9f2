# What the labelled sets share: a recipe, loaders and the evaluator. The sets
# next to this file inherit it and say where they lie and what differs.

# ======================= Frequently modified ===============================
data_root = 'data/pairs'  # with train/ and val/, each {vis,ir,label}
train_batch_size = 4  # pairs a process
train_num_workers = 2

# ======================= Possibly modified =================================
scale = (640, 480)  # (width, height) that images are fitted into
ratio_range = (0.5, 1.5)
crop_size = (192, 256)  # (height, width)
cat_max_ratio = 0.75  # largest share of one class in a crop (10 tries)
boundary_width = 3  # window of the derived boundary maps, pixels
mask_classes = ('car', 'person', 'bike')  # classes of the derived masks
tta_ratios = (0.75, 1.0, 1.25)

# ======================= Rarely modified ===================================
train_pipeline = [
    dict(type='LoadFusionPair'),
    dict(type='LoadFusionAnnotations'),
    # For fusers that train on foreground, boundary and salient objects.
    dict(
        type='DeriveFusionMaps',
        boundary_width=boundary_width,
        mask_classes=mask_classes),
    dict(
        type='RandomResize',
        scale=scale,
        ratio_range=ratio_range,
        keep_ratio=True),
    dict(
        type='RandomCrop', crop_size=crop_size, cat_max_ratio=cat_max_ratio),
    dict(type='RandomFlip', prob=0.5),
    dict(
        type='OnModality',
        modality='vis',
        transforms=[dict(type='mmseg.PhotoMetricDistortion')]),
    dict(
        type='OnModality',
        modality='ir',
        transforms=[dict(type='mmseg.PhotoMetricDistortion')]),
    dict(type='PackFusionInputs'),
]
test_pipeline = [
    dict(type='LoadFusionPair'),
    dict(type='Resize', scale=scale, keep_ratio=True),
    # After Resize: labels are compared at the original size.
    dict(type='LoadFusionAnnotations'),
    dict(type='PackFusionInputs'),
]
fusion_pipeline = [
    dict(type='LoadFusionPair'),
    dict(type='PackFusionInputs'),
]
# Test-time augmentation: every size, as it is and flipped.
tta_resizes = [
    dict(type='Resize', scale_factor=ratio, keep_ratio=True)
    for ratio in tta_ratios
]
tta_views = [
    [
        dict(type='RandomFlip', prob=0.0, direction='horizontal'),
        dict(type='RandomFlip', prob=1.0, direction='horizontal'),
    ],
    [dict(type='LoadFusionAnnotations')],
    [dict(type='PackFusionInputs')],
]
tta_pipeline = [
    dict(type='LoadFusionPair'),
    dict(type='TestTimeAug', transforms=[tta_resizes, *tta_views]),
]
train_dataloader = dict(
    batch_size=train_batch_size,
    num_workers=train_num_workers,
    persistent_workers=train_num_workers > 0,
    sampler=dict(type='DeterministicSampler', shuffle=True),
    dataset=dict(
        type='PairedImageDataset',
        data_root=f'{data_root}/train',
        pipeline=train_pipeline))
val_dataloader = dict(
    batch_size=1,
    num_workers=1,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='PairedImageDataset',
        data_root=f'{data_root}/val',
        pipeline=test_pipeline,
        test_mode=True))
test_dataloader = val_dataloader
# What tools/test_fusion.py fuses: no labels needed.
fusion_dataloader = dict(
    batch_size=1,
    num_workers=1,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='PairedImageDataset',
        data_root=f'{data_root}/val',
        data_prefix=dict(seg_map_path=None),
        pipeline=fusion_pipeline,
        test_mode=True))

val_evaluator = dict(type='IoUMetric', iou_metrics=['mIoU'])
test_evaluator = val_evaluator
