# Any two folders of aligned images, without labels: fuse them, or pretrain
# a fuser on them. Layout: <data_root>/{vis,ir}/NAME, any image format, the
# same names in both; set the two folders and the stem rules for your own.
# Pairs of another task: task = 'mef', folders under_path and over_path, ...
_base_ = './paired_fusion.py'

# ======================= Frequently modified ===============================
data_root = '{{$MMFUSION_DATA:data}}'
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
changes = dict(
    LoadFusionPair=dict(
        on_size_mismatch=on_size_mismatch, uint16_range=uint16_range),
    ResizeToCover=dict(size=crop_size),
    RandomCrop=dict(crop_size=crop_size))
train_pipeline = [
    {**step, **changes.get(step['type'], {})}
    for step in _base_.train_pipeline
]
fusion_pipeline = [
    {**step, **changes.get(step['type'], {})}
    for step in _base_.fusion_pipeline
]
dataset = dict(
    data_root=data_root,
    data_prefix=data_prefix,
    vis_stem=vis_stem,
    ir_stem=ir_stem)
train_dataloader = dict(
    batch_size=train_batch_size,
    num_workers=train_num_workers,
    persistent_workers=train_num_workers > 0,
    dataset=dict(pipeline=train_pipeline, **dataset))
fusion_dataloader = dict(dataset=dict(pipeline=fusion_pipeline, **dataset))
val_dataloader = fusion_dataloader
test_dataloader = fusion_dataloader
