# A small labelled set of real road scenes, sized for a CPU. Layout:
# <root>/seg_msrs9/{train,val}/{vi,ir,label}, images in any format, labels
# PNG of the nine MFNet classes with 255 ignored.
import os

_base_ = './paired_seg.py'

# ======================= Frequently modified ===============================
data_root = os.path.join(
    os.environ.get('MMFUSION_DATA') or 'data', 'seg_msrs9')

# ======================= Possibly modified =================================
scale = (320, 240)  # half the size: a crop shows most of a scene
ratio_range = (0.8, 1.5)  # never below the crop
tta_ratios = (0.4, 0.5, 0.6)

# ======================= Rarely modified ===================================
train_pipeline = _base_.train_pipeline
train_pipeline[3].update(scale=scale, ratio_range=ratio_range)
test_pipeline = _base_.test_pipeline
test_pipeline[1].update(scale=scale)
tta_pipeline = _base_.tta_pipeline
tta_pipeline[1].transforms[0] = [
    dict(type='Resize', scale_factor=ratio, keep_ratio=True)
    for ratio in tta_ratios
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
del os
