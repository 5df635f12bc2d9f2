# MSRS in its official split, PSFusion's recipe: crops of 256x256, flips and
# quarter turns. Layout: <root>/MSRS/{train,test}/{vi,ir,label}/NAME.png
import os

# ======================= Frequently modified ===============================
data_root = os.path.join(os.environ.get('MMFUSION_DATA') or 'data', 'MSRS')
train_batch_size = 8  # pairs a process
train_num_workers = 2

# ======================= Possibly modified =================================
crop_size = (256, 256)  # (height, width)
boundary_width = 3  # window of the derived boundary maps, pixels
mask_classes = ('car', 'person', 'bike')  # classes of the derived masks
tta_ratios = (0.75, 1.0, 1.25)

# ======================= Rarely modified ===================================
dataset_type = 'MSRSDataset'
load = [
    dict(type='LoadFusionPair'),
    dict(type='LoadFusionAnnotations'),
]
train_pipeline = [
    *load,
    # Makes what the folders bi, bd and mask do not hold.
    dict(
        type='DeriveFusionMaps',
        boundary_width=boundary_width,
        mask_classes=mask_classes),
    dict(type='ResizeToCover', size=crop_size),
    dict(type='RandomCrop', crop_size=crop_size),
    # Vertical, horizontal or none, equally likely.
    dict(
        type='RandomFlip',
        prob=[1 / 3, 1 / 3],
        direction=['vertical', 'horizontal']),
    dict(type='RandomRotate90'),
    dict(type='PackFusionInputs'),
]
test_pipeline = [
    *load,
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
        data_root=os.path.join(data_root, 'train'),
        pipeline=train_pipeline))
val_dataloader = dict(
    batch_size=1,
    num_workers=1,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type=dataset_type,
        data_root=os.path.join(data_root, 'test'),
        # Maps other than the labels serve training only.
        data_prefix=dict(binary_path=None, boundary_path=None,
                         mask_path=None),
        pipeline=test_pipeline,
        test_mode=True))
test_dataloader = val_dataloader
# What tools/test_fusion.py fuses: no labels needed.
fusion_dataloader = dict(
    batch_size=1,
    num_workers=1,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type=dataset_type,
        data_root=os.path.join(data_root, 'test'),
        data_prefix=dict(
            seg_map_path=None,
            binary_path=None,
            boundary_path=None,
            mask_path=None),
        pipeline=fusion_pipeline,
        test_mode=True))

val_evaluator = dict(type='mmseg.IoUMetric', iou_metrics=['mIoU'])
test_evaluator = val_evaluator
del os
