# Synthetic street scenes and a teacher's images of them. Make both:
#   python tools/dataset_converters/make_synthetic_rgbt.py
#   for split in train val; do
#     python tools/distill/make_teacher.py TEACHER_CONFIG [CHECKPOINT] \
#         --vis data/synthetic_rgbt/$split/vis \
#         --ir data/synthetic_rgbt/$split/ir \
#         --out data/synthetic_rgbt/$split/TEACHER_FUSED
#   done
_base_ = './distill.py'

# ======================= Frequently modified ===============================
data_root = 'data/synthetic_rgbt'
train_batch_size = 8
train_num_workers = 1
input_size = 96

# ======================= Possibly modified =================================
crop_scale = (0.02, 0.06)  # about the crop's own size: hardly resized

# ======================= Rarely modified ===================================
train_pipeline = _base_.train_pipeline
train_pipeline[2] = dict(
    type='RandomResizedCrop', size=input_size, scale=crop_scale)
dataset = dict(data_prefix=dict(vis_path='vis', ir_path='ir'))
train_dataloader = dict(
    batch_size=train_batch_size,
    num_workers=train_num_workers,
    dataset=dict(
        data_root=f'{data_root}/train', pipeline=train_pipeline, **dataset))
val_dataloader = dict(dataset=dict(data_root=f'{data_root}/val', **dataset))
test_dataloader = val_dataloader
fusion_dataloader = dict(
    dataset=dict(data_root=f'{data_root}/val', **dataset))
