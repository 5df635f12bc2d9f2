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
train_pipeline = _base_.train_pipeline
train_pipeline[2].update(scale=scale, ratio_range=ratio_range)
train_pipeline[3].update(crop_size=crop_size)
test_pipeline = _base_.test_pipeline
test_pipeline[1].update(scale=scale)
tta_pipeline = _base_.tta_pipeline
tta_pipeline[1].transforms[0][0].update(scale=scale)
dataset = dict(type='SyntheticDetDataset', data_root=data_root)
train_dataloader = dict(dataset=dict(pipeline=train_pipeline, **dataset))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline, **dataset))
test_dataloader = val_dataloader
fusion_dataloader = dict(dataset=dataset)
