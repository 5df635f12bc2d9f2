# A small set of LLVIP pairs with boxes, sized for a CPU. Layout:
# <root>/det_llvip/{train,val}/{vi,ir} and annotations/{train,val}.json
_base_ = './paired_det.py'

# ======================= Frequently modified ===============================
data_root = '{{$MMFUSION_DATA:data}}/det_llvip'

# ======================= Possibly modified =================================
scale = (320, 256)  # a quarter of the size
ratio_range = (1.0, 1.5)
crop_size = (256, 320)  # (height, width)

# ======================= Rarely modified ===================================
changes = {
    'RandomResize': dict(scale=scale, ratio_range=ratio_range),
    'mmdet.RandomCrop': dict(crop_size=crop_size),
    'mmdet.Resize': dict(scale=scale)
}
train_pipeline = [
    {**step, **changes.get(step['type'], {})}
    for step in _base_.train_pipeline
]
test_pipeline = [
    {**step, **changes.get(step['type'], {})} for step in _base_.test_pipeline
]
tta_resizes = [dict(type='mmdet.Resize', scale=scale, keep_ratio=True)]
tta_pipeline = [
    dict(type='LoadFusionPair'),
    dict(type='TestTimeAug', transforms=[tta_resizes, *_base_.tta_views]),
]
dataset_type = 'LLVIPDetDataset'
train_prefix = dict(vis_path='train/vi', ir_path='train/ir')
val_prefix = dict(vis_path='val/vi', ir_path='val/ir')
train_dataloader = dict(
    dataset=dict(
        type=dataset_type,
        data_root=data_root,
        data_prefix=train_prefix,
        pipeline=train_pipeline))
val_dataloader = dict(
    dataset=dict(
        type=dataset_type,
        data_root=data_root,
        data_prefix=val_prefix,
        pipeline=test_pipeline))
test_dataloader = val_dataloader
fusion_dataloader = dict(
    dataset=dict(
        type=dataset_type, data_root=data_root, data_prefix=val_prefix))
