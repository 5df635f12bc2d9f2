# Any two folders of aligned images, without labels: fuse them, or pretrain
# a fuser on them. Layout: <data_root>/{vis,ir}/NAME, any image format, the
# same names in both; set the two folders and the stem rules for your own.
import os

# ======================= Frequently modified ===============================
data_root = os.environ.get('MMFUSION_DATA') or 'data'
data_prefix = dict(vis_path='vis', ir_path='ir')
vis_stem = '{stem}'  # '{stem}_rgb' finds NAME_rgb.png for the stem NAME
ir_stem = '{stem}'
train_batch_size = 4  # pairs a process
train_num_workers = 2

# ======================= Possibly modified =================================
crop_size = (256, 256)  # (height, width)
on_size_mismatch = 'error'  # or 'resize_ir', 'resize_vis'
uint16_range = 'full'  # 16-bit infrared: 'full', 'minmax' or (low, high)

# ======================= Rarely modified ===================================
dataset_type = 'PairedImageDataset'
load = dict(
    type='LoadFusionPair',
    on_size_mismatch=on_size_mismatch,
    uint16_range=uint16_range)
train_pipeline = [
    load,
    dict(type='ResizeToCover', size=crop_size),
    dict(type='RandomCrop', crop_size=crop_size),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackFusionInputs'),
]
fusion_pipeline = [
    load,
    dict(type='PackFusionInputs'),
]
train_dataloader = dict(
    batch_size=train_batch_size,
    num_workers=train_num_workers,
    persistent_workers=train_num_workers > 0,
    sampler=dict(type='DeterministicSampler', shuffle=True),
    dataset=dict(
        type=dataset_type,
        data_root=data_root,
        data_prefix=data_prefix,
        vis_stem=vis_stem,
        ir_stem=ir_stem,
        pipeline=train_pipeline))
# What tools/test_fusion.py fuses.
fusion_dataloader = dict(
    batch_size=1,
    num_workers=1,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type=dataset_type,
        data_root=data_root,
        data_prefix=data_prefix,
        vis_stem=vis_stem,
        ir_stem=ir_stem,
        pipeline=fusion_pipeline,
        test_mode=True))
del os
