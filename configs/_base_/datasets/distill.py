# Pairs with a teacher's fused images, the README's recipe of the real-time
# system on MSRS. Make the teacher's images first, for both splits:
#   python tools/distill/make_teacher.py TEACHER_CONFIG CHECKPOINT \
#       --vis data/MSRS/train/vi --ir data/MSRS/train/ir \
#       --out data/MSRS/train/TEACHER_FUSED
import os

# ======================= Frequently modified ===============================
data_root = os.path.join(os.environ.get('MMFUSION_DATA') or 'data', 'MSRS')
data_prefix = dict(vis_path='vi', ir_path='ir', teacher_path='TEACHER_FUSED')
train_batch_size = 8  # pairs a process
train_num_workers = 4
input_size = 512

# ======================= Possibly modified =================================
misalign_prob = 0.5
crop_scale = (0.8, 1.0)  # share of the image's area

# ======================= Rarely modified ===================================
train_pipeline = [
    dict(type='LoadFusionPair'),
    dict(type='RandomMisalign', prob=misalign_prob),  # infrared alone
    dict(type='RandomResizedCrop', size=input_size, scale=crop_scale),
    dict(type='RandomFlip', prob=0.5),
    dict(
        type='OnModality',
        modality='vis',
        transforms=[
            dict(type='ColorJitter', prob=0.5),
            dict(type='RandomBlur', prob=0.2)
        ]),
    dict(
        type='OnModality',
        modality='ir',
        transforms=[dict(type='SensorNoise', prob=0.3)]),
    dict(type='PackFusionInputs'),
]
test_pipeline = [
    dict(type='LoadFusionPair'),
    dict(type='PackFusionInputs'),
]
dataset_type = 'FusionDistillDataset'
train_dataloader = dict(
    batch_size=train_batch_size,
    num_workers=train_num_workers,
    persistent_workers=train_num_workers > 0,
    sampler=dict(type='DeterministicSampler', shuffle=True),
    dataset=dict(
        type=dataset_type,
        data_root=f'{data_root}/train',
        data_prefix=data_prefix,
        pipeline=train_pipeline))
val_dataloader = dict(
    batch_size=1,
    num_workers=1,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type=dataset_type,
        data_root=f'{data_root}/test',
        data_prefix=data_prefix,
        pipeline=test_pipeline,
        teacher_required=True,
        test_mode=True))
test_dataloader = val_dataloader
# What tools/test_fusion.py fuses: no teacher needed.
fusion_dataloader = dict(
    batch_size=1,
    num_workers=1,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type=dataset_type,
        data_root=f'{data_root}/test',
        data_prefix=data_prefix,
        pipeline=test_pipeline,
        test_mode=True))
val_evaluator = dict(type='DistillMetric')
test_evaluator = val_evaluator
del os
