# Fifty RoadScene pairs in flat folders, split 70/15/15. Make the teacher's
# images first (see docs/realtime.md):
#   python tools/distill/make_teacher.py TEACHER_CONFIG CHECKPOINT \
#       --vis $MMFUSION_DATA/fusion_roadscene/test/vi \
#       --ir $MMFUSION_DATA/fusion_roadscene/test/ir \
#       --out data/teachers/roadscene
import os

_base_ = './distill.py'

# ======================= Frequently modified ===============================
data_root = os.path.join(
    os.environ.get('MMFUSION_DATA') or 'data', 'fusion_roadscene', 'test')
teacher_root = 'data/teachers/roadscene'
train_batch_size = 8
train_num_workers = 1
input_size = 96

# ======================= Possibly modified =================================
crop_scale = (0.05, 0.1)  # about the crop's own size: hardly resized

# ======================= Rarely modified ===================================
train_pipeline = _base_.train_pipeline
train_pipeline[2] = dict(
    type='RandomResizedCrop', size=input_size, scale=crop_scale)
dataset = dict(
    data_root='',
    data_prefix=dict(
        vis_path=os.path.join(data_root, 'vi'),
        ir_path=os.path.join(data_root, 'ir'),
        teacher_path=teacher_root))
train_dataloader = dict(
    batch_size=train_batch_size,
    num_workers=train_num_workers,
    dataset=dict(part='train', pipeline=train_pipeline, **dataset))
val_dataloader = dict(dataset=dict(part='val', **dataset))
test_dataloader = dict(dataset=dict(part='test', **dataset))
fusion_dataloader = dict(dataset=dict(part='test', **dataset))
del os
