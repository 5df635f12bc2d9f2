# MFNet with BFFR's recipe: resize by 0.5 to 2, crop 240x320, flip,
# photometric distortion of each modality on its own. Layout: <root>/MFNet/
# {vis,ir,labels}/NAME.png or {images,labels}/NAME.png (4-channel), and
# train.txt, val.txt, test.txt with one stem per line.
import os

# ======================= Frequently modified ===============================
data_root = os.path.join(os.environ.get('MMFUSION_DATA') or 'data', 'MFNet')
train_batch_size = 4  # pairs a process; BFFR's stage 1 takes 2
train_num_workers = 2

# ======================= Possibly modified =================================
scale = (640, 480)  # (width, height) that images are fitted into
ratio_range = (0.5, 2.0)
crop_size = (240, 320)  # (height, width)
cat_max_ratio = 0.75  # largest share of one class in a crop (10 tries)
tta_ratios = (0.5, 0.75, 1.0, 1.25, 1.5, 1.75)

# ======================= Rarely modified ===================================
dataset_type = 'MFNetDataset'
train_pipeline = [
    dict(type='LoadFusionPair'),
    dict(type='LoadFusionAnnotations'),
    dict(
        type='RandomResize',
        scale=scale,
        ratio_range=ratio_range,
        keep_ratio=True),
    dict(
        type='RandomCrop', crop_size=crop_size, cat_max_ratio=cat_max_ratio),
    # BFFR flips always, on a list that holds a mirrored copy of each pair:
    # the same distribution.
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
tta_pipeline = [
    dict(type='LoadFusionPair'),
    dict(
        type='TestTimeAug',
        transforms=[
            [
                dict(type='Resize', scale_factor=ratio, keep_ratio=True)
                for ratio in tta_ratios
            ],
            [
                dict(type='RandomFlip', prob=0.0, direction='horizontal'),
                dict(type='RandomFlip', prob=1.0, direction='horizontal'),
            ],
            [dict(type='LoadFusionAnnotations')],
            [dict(type='PackFusionInputs')],
        ]),
]
train_dataloader = dict(
    batch_size=train_batch_size,
    num_workers=train_num_workers,
    persistent_workers=train_num_workers > 0,
    sampler=dict(type='DeterministicSampler', shuffle=True),
    dataset=dict(
        type=dataset_type,
        data_root=data_root,
        ann_file='train.txt',
        pipeline=train_pipeline))
val_dataloader = dict(
    batch_size=1,
    num_workers=1,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type=dataset_type,
        data_root=data_root,
        ann_file='val.txt',
        pipeline=test_pipeline,
        test_mode=True))
test_dataloader = dict(
    batch_size=1,
    num_workers=1,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type=dataset_type,
        data_root=data_root,
        ann_file='test.txt',
        pipeline=test_pipeline,
        test_mode=True))
# What tools/test_fusion.py fuses: no labels needed.
fusion_dataloader = dict(
    batch_size=1,
    num_workers=1,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type=dataset_type,
        data_root=data_root,
        data_prefix=dict(seg_map_path=None),
        ann_file='test.txt',
        pipeline=fusion_pipeline,
        test_mode=True))

val_evaluator = dict(type='mmseg.IoUMetric', iou_metrics=['mIoU'])
test_evaluator = val_evaluator
del os
