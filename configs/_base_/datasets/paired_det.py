# What the detection sets share: a recipe, loaders and evaluators. The sets
# next to this file inherit it and say where they lie and what differs.

# ======================= Frequently modified ===============================
data_root = 'data/pairs'  # the JSONs' file names start here
train_ann, val_ann = 'annotations/train.json', 'annotations/val.json'
train_batch_size = 4  # pairs a process
train_num_workers = 2

# ======================= Possibly modified =================================
scale = (640, 512)  # (width, height) that images are fitted into
ratio_range = (0.75, 1.5)
crop_size = (512, 512)  # (height, width)
fusion_crop_size = (256, 256)  # of fusion pretraining

# ======================= Rarely modified ===================================
# mmdet's geometric transforms move both modalities and the boxes.
train_pipeline = [
    dict(type='LoadFusionPair'),
    dict(type='mmdet.LoadAnnotations', with_bbox=True),
    dict(
        type='RandomResize',
        scale=scale,
        ratio_range=ratio_range,
        keep_ratio=True,
        resize_type='mmdet.Resize'),
    dict(type='mmdet.RandomCrop', crop_size=crop_size),
    dict(type='mmdet.RandomFlip', prob=0.5),
    dict(type='mmdet.FilterAnnotations', min_gt_bbox_wh=(2, 2)),
    dict(
        type='OnModality',
        modality='vis',
        transforms=[dict(type='mmseg.PhotoMetricDistortion')]),
    dict(type='PackFusionInputs'),
]
# Fusion pretraining: boxes only give a weak mask of salient objects.
fusion_train_pipeline = [
    dict(type='LoadFusionPair'),
    dict(type='DeriveBoxMask'),
    dict(type='ResizeToCover', size=fusion_crop_size),
    dict(type='RandomCrop', crop_size=fusion_crop_size),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackFusionInputs'),
]
test_pipeline = [
    dict(type='LoadFusionPair'),
    dict(type='mmdet.Resize', scale=scale, keep_ratio=True),
    # After Resize: boxes are compared at the original size.
    dict(type='mmdet.LoadAnnotations', with_bbox=True),
    dict(type='PackFusionInputs', extra_meta_keys=('instances', )),
]
fusion_pipeline = [
    dict(type='LoadFusionPair'),
    dict(type='PackFusionInputs'),
]
# Test-time augmentation: every size, as it is and flipped.
tta_resizes = [dict(type='mmdet.Resize', scale=scale, keep_ratio=True)]
tta_views = [
    [
        dict(type='mmdet.RandomFlip', prob=0.0),
        dict(type='mmdet.RandomFlip', prob=1.0),
    ],
    [dict(type='mmdet.LoadAnnotations', with_bbox=True)],
    [dict(type='PackFusionInputs', extra_meta_keys=('instances', ))],
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
        type='PairedCocoDataset',
        data_root=data_root,
        ann_file=train_ann,
        filter_cfg=dict(filter_empty_gt=True, min_size=32),
        pipeline=train_pipeline))
val_dataloader = dict(
    batch_size=1,
    num_workers=1,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='PairedCocoDataset',
        data_root=data_root,
        ann_file=val_ann,
        pipeline=test_pipeline,
        test_mode=True))
test_dataloader = val_dataloader
# What tools/test_fusion.py fuses.
fusion_dataloader = dict(
    batch_size=1,
    num_workers=1,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='PairedCocoDataset',
        data_root=data_root,
        ann_file=val_ann,
        pipeline=fusion_pipeline,
        test_mode=True))

# COCO AP of all, and by day and by night where the set tells them apart.
val_evaluator = [
    dict(
        type='ConditionMetric',
        metric=dict(type='mmdet.CocoMetric', metric=['bbox'])),
    dict(type='ConditionMetric', metric=dict(type='MissRateMetric')),
]
test_evaluator = val_evaluator
