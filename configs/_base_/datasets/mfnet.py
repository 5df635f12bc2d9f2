# MFNet with BFFR's recipe: resize by 0.5 to 2, crop 240x320, flip,
# photometric distortion of each modality on its own. Layout: <root>/MFNet/
# {vis,ir,labels}/NAME.png or {images,labels}/NAME.png (4-channel), and
# train.txt, val.txt, test.txt with one stem per line.
_base_ = './paired_seg.py'

# ======================= Frequently modified ===============================
data_root = '{{$MMFUSION_DATA:data}}/MFNet'

# ======================= Possibly modified =================================
ratio_range = (0.5, 2.0)
crop_size = (240, 320)  # (height, width)
tta_ratios = (0.5, 0.75, 1.0, 1.25, 1.5, 1.75)

# ======================= Rarely modified ===================================
changes = dict(
    RandomResize=dict(ratio_range=ratio_range),
    RandomCrop=dict(crop_size=crop_size))
# BFFR flips always, on a list that holds a mirrored copy of each pair: the
# same distribution as the flip here.
train_pipeline = [
    {**step, **changes.get(step['type'], {})}
    for step in _base_.train_pipeline if step['type'] != 'DeriveFusionMaps'
]
tta_resizes = [
    dict(type='Resize', scale_factor=ratio, keep_ratio=True)
    for ratio in tta_ratios
]
tta_pipeline = [
    dict(type='LoadFusionPair'),
    dict(type='TestTimeAug', transforms=[tta_resizes, *_base_.tta_views]),
]
dataset = dict(type='MFNetDataset', data_root=data_root)
train_dataloader = dict(
    dataset=dict(ann_file='train.txt', pipeline=train_pipeline, **dataset))
val_dataloader = dict(dataset=dict(ann_file='val.txt', **dataset))
test_dataloader = dict(dataset=dict(ann_file='test.txt', **dataset))
fusion_dataloader = dict(dataset=dict(ann_file='test.txt', **dataset))
# Small scales have sets and a recipe of their own.
dataset_scales = dict(
    mini=dict(_base_='mmfusion::_base_/datasets/seg_msrs9.py'),
    synthetic=dict(_base_='mmfusion::_base_/datasets/synthetic.py'))
