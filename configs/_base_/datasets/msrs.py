# MSRS in its official split, PSFusion's recipe: crops of 256x256, flips and
# quarter turns. Layout: <root>/MSRS/{train,test}/{vi,ir,label}/NAME.png
_base_ = './paired_seg.py'

# ======================= Frequently modified ===============================
data_root = '{{$MMFUSION_DATA:data}}/MSRS'
train_batch_size = 8  # pairs a process

# ======================= Possibly modified =================================
crop_size = (256, 256)  # (height, width)

# ======================= Rarely modified ===================================
train_pipeline = [
    dict(type='LoadFusionPair'),
    dict(type='LoadFusionAnnotations'),
    # Makes the maps that the folders bi, bd and mask do not hold.
    dict(
        type='DeriveFusionMaps',
        boundary_width=_base_.boundary_width,
        mask_classes=_base_.mask_classes),
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
# Small scales have sets and a recipe of their own.
dataset_scales = dict(
    mini=dict(_base_='mmfusion::_base_/datasets/seg_msrs9.py'),
    synthetic=dict(_base_='mmfusion::_base_/datasets/synthetic.py'))
