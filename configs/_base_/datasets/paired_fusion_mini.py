# Smaller crops of unlabelled pairs, for a CPU.
_base_ = './paired_fusion.py'

# ======================= Frequently modified ===============================
crop_size = (128, 128)  # (height, width)

# ======================= Rarely modified ===================================
train_pipeline = _base_.train_pipeline
train_pipeline[1].update(size=crop_size)
train_pipeline[2].update(crop_size=crop_size)
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
