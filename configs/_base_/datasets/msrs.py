# MSRS in its official split, PSFusion's recipe: crops of 256x256, flips and
# quarter turns. Layout: <root>/MSRS/{train,test}/{vi,ir,label}/NAME.png
import os

_base_ = './paired_seg.py'

# ======================= Frequently modified ===============================
data_root = os.path.join(os.environ.get('MMFUSION_DATA') or 'data', 'MSRS')
train_batch_size = 8  # pairs a process

# ======================= Possibly modified =================================
crop_size = (256, 256)  # (height, width)

# ======================= Rarely modified ===================================
train_pipeline = [
    # Load; make the maps that the folders bi, bd and mask do not hold.
    *_base_.train_pipeline[:3],
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
    dict(type='LoadFusionPair'),
    dict(type='LoadFusionAnnotations'),
    dict(type='PackFusionInputs'),
]
dataset_type = 'MSRSDataset'
# Maps other than the labels serve training only.
no_maps = dict(binary_path=None, boundary_path=None, mask_path=None)
train_dataloader = dict(
    batch_size=train_batch_size,
    dataset=dict(
        type=dataset_type,
        data_root=f'{data_root}/train',
        pipeline=train_pipeline))
val_dataloader = dict(
    dataset=dict(
        type=dataset_type,
        data_root=f'{data_root}/test',
        data_prefix=no_maps,
        pipeline=test_pipeline))
test_dataloader = val_dataloader
fusion_dataloader = dict(
    dataset=dict(
        type=dataset_type,
        data_root=f'{data_root}/test',
        data_prefix=no_maps))
del os
