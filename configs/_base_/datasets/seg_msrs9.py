# A small labelled set of real road scenes, sized for a CPU. Layout:
# <root>/seg_msrs9/{train,val}/{vi,ir,label}, images in any format, labels
# PNG of the nine MFNet classes with 255 ignored.
_base_ = './paired_seg.py'

# ======================= Frequently modified ===============================
data_root = '{{$MMFUSION_DATA:data}}/seg_msrs9'

# ======================= Possibly modified =================================
scale = (320, 240)  # half the size: a crop shows most of a scene
ratio_range = (0.8, 1.5)  # never below the crop
tta_ratios = (0.4, 0.5, 0.6)

# ======================= Rarely modified ===================================
changes = dict(
    RandomResize=dict(scale=scale, ratio_range=ratio_range),
    Resize=dict(scale=scale))
train_pipeline = [
    {**step, **changes.get(step['type'], {})}
    for step in _base_.train_pipeline
]
test_pipeline = [
    {**step, **changes.get(step['type'], {})} for step in _base_.test_pipeline
]
tta_resizes = [
    dict(type='Resize', scale_factor=ratio, keep_ratio=True)
    for ratio in tta_ratios
]
tta_pipeline = [
    dict(type='LoadFusionPair'),
    dict(type='TestTimeAug', transforms=[tta_resizes, *_base_.tta_views]),
]
dataset_type = 'MSRSDataset'
train_dataloader = dict(
    dataset=dict(
        type=dataset_type,
        data_root=f'{data_root}/train',
        pipeline=train_pipeline))
val_dataloader = dict(
    dataset=dict(
        type=dataset_type,
        data_root=f'{data_root}/val',
        pipeline=test_pipeline))
test_dataloader = val_dataloader
fusion_dataloader = dict(
    dataset=dict(type=dataset_type, data_root=f'{data_root}/val'))
