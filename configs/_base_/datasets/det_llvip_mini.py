# A small set of LLVIP pairs with boxes, sized for a CPU. Layout:
# <root>/det_llvip/{train,val}/{vi,ir} and annotations/{train,val}.json
import os

_base_ = './paired_det.py'

# ======================= Frequently modified ===============================
data_root = os.path.join(
    os.environ.get('MMFUSION_DATA') or 'data', 'det_llvip')

# ======================= Possibly modified =================================
scale = (320, 256)  # a quarter of the size
ratio_range = (1.0, 1.5)
crop_size = (256, 320)  # (height, width)
fusion_crop_size = (192, 256)

# ======================= Rarely modified ===================================
train_pipeline = _base_.train_pipeline
train_pipeline[2].update(scale=scale, ratio_range=ratio_range)
train_pipeline[3].update(crop_size=crop_size)
fusion_train_pipeline = _base_.fusion_train_pipeline
fusion_train_pipeline[2].update(size=fusion_crop_size)
fusion_train_pipeline[3].update(crop_size=fusion_crop_size)
# Of the loaded size, 1280x1024: persons as large as in joint training.
fusion_train_pipeline.insert(
    2, dict(type='Resize', scale_factor=0.3, keep_ratio=True))
test_pipeline = _base_.test_pipeline
test_pipeline[1].update(scale=scale)
tta_pipeline = _base_.tta_pipeline
tta_pipeline[1].transforms[0][0].update(scale=scale)
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
del os
