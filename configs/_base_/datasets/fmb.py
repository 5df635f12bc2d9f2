# FMB in its official split, with BFFR's kind of recipe. Layout:
# <root>/FMB/{train,test}/{Visible,Infrared,Label}/NAME.png
_base_ = './paired_seg.py'

# ======================= Frequently modified ===============================
data_root = '{{$MMFUSION_DATA:data}}/FMB'

# ======================= Possibly modified =================================
scale = (800, 600)  # (width, height) that images are fitted into
ratio_range = (0.5, 2.0)
crop_size = (300, 400)  # (height, width)

# ======================= Rarely modified ===================================
changes = dict(
    Resize=dict(scale=scale),
    RandomResize=dict(scale=scale, ratio_range=ratio_range),
    RandomCrop=dict(crop_size=crop_size))
train_pipeline = [
    {**step, **changes.get(step['type'], {})}
    for step in _base_.train_pipeline if step['type'] != 'DeriveFusionMaps'
]
test_pipeline = [
    {**step, **changes.get(step['type'], {})} for step in _base_.test_pipeline
]
dataset_type = 'FMBDataset'
train_dataloader = dict(
    dataset=dict(
        type=dataset_type,
        data_root=f'{data_root}/train',
        pipeline=train_pipeline))
val_dataloader = dict(
    dataset=dict(
        type=dataset_type,
        data_root=f'{data_root}/test',
        pipeline=test_pipeline))
test_dataloader = val_dataloader
fusion_dataloader = dict(
    dataset=dict(type=dataset_type, data_root=f'{data_root}/test'))
