# Synthetic street scenes with boxes of cars, persons and bikes, made by
#   python tools/dataset_converters/make_synthetic_rgbt.py
# Layout: data/synthetic_rgbt/{train,val}/{vis,ir}/NAME.png and annotations/
_base_ = './paired_det.py'

# ======================= Frequently modified ===============================
data_root = 'data/synthetic_rgbt'

# ======================= Possibly modified =================================
scale = (320, 240)  # half the size
ratio_range = (1.0, 1.5)
crop_size = (240, 320)  # (height, width)

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
dataset = dict(type='SyntheticDetDataset', data_root=data_root)
train_dataloader = dict(dataset=dict(pipeline=train_pipeline, **dataset))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline, **dataset))
test_dataloader = val_dataloader
fusion_dataloader = dict(dataset=dataset)
