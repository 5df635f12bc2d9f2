# What the unlabelled sets share: a recipe, loaders and the evaluator. The
# sets next to this file inherit it and say where they lie and what differs.

# ======================= Frequently modified ===============================
data_root = 'data/pairs'  # {vis,ir}/NAME, or the folders of another task
train_batch_size = 4  # pairs a process
train_num_workers = 2

# ======================= Possibly modified =================================
crop_size = (256, 256)  # (height, width)
mini_crop_size = (128, 128)  # of the small scales of the sets

# ======================= Rarely modified ===================================
dataset_type = 'PairedImageDataset'
train_pipeline = [
    dict(type='LoadFusionPair'),
    dict(type='ResizeToCover', size=crop_size),
    dict(type='RandomCrop', crop_size=crop_size),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackFusionInputs'),
]
fusion_pipeline = [
    dict(type='LoadFusionPair'),
    dict(type='PackFusionInputs'),
]
train_dataloader = dict(
    batch_size=train_batch_size,
    num_workers=train_num_workers,
    persistent_workers=train_num_workers > 0,
    sampler=dict(type='DeterministicSampler', shuffle=True),
    dataset=dict(
        type=dataset_type, data_root=data_root, pipeline=train_pipeline))
# What tools/test_fusion.py fuses.
fusion_dataloader = dict(
    batch_size=1,
    num_workers=1,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type=dataset_type,
        data_root=data_root,
        pipeline=fusion_pipeline,
        test_mode=True))
val_dataloader = fusion_dataloader
test_dataloader = fusion_dataloader
# Of the images as they are fused, at their own size.
val_evaluator = dict(type='FusionMetric', metrics=['EN', 'SF', 'VIF', 'Qabf'])
test_evaluator = dict(type='FusionMetric')
# For the sets' dataset_scales: steps of the pipeline, by their types.
mini_steps = dict(
    ResizeToCover=dict(size=mini_crop_size),
    RandomCrop=dict(crop_size=mini_crop_size))
