# Pairs with a teacher's fused images, the README's recipe of the real-time
# system on MSRS. Make the teacher's images first, for both splits:
#   python tools/distill/make_teacher.py TEACHER_CONFIG CHECKPOINT \
#       --vis data/MSRS/train/vi --ir data/MSRS/train/ir \
#       --out data/MSRS/train/TEACHER_FUSED
# The small scales, likewise: fifty RoadScene pairs in flat folders, split
# 70/15/15, with the teacher's images in data/teachers/roadscene, or synthetic
# scenes, data/synthetic_rgbt/{train,val}/{vis,ir,TEACHER_FUSED}.

# ======================= Frequently modified ===============================
data_root = '{{$MMFUSION_DATA:data}}/MSRS'
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
# Crops of 96 pixels, hardly resized.
mini_dataset = dict(
    data_root='',
    data_prefix=dict(
        vis_path='{{$MMFUSION_DATA:data}}/fusion_roadscene/test/vi',
        ir_path='{{$MMFUSION_DATA:data}}/fusion_roadscene/test/ir',
        teacher_path='data/teachers/roadscene'))
synthetic_dataset = dict(
    data_root='data/synthetic_rgbt/val',
    data_prefix=dict(vis_path='vis', ir_path='ir'))
dataset_scales = dict(
    mini=dict(
        train_dataloader=dict(
            num_workers=1,
            dataset=dict(
                part='train',
                pipeline=dict(
                    RandomResizedCrop=dict(size=96, scale=(0.05, 0.1))),
                **mini_dataset)),
        val_dataloader=dict(dataset=dict(part='val', **mini_dataset)),
        test_dataloader=dict(dataset=dict(part='test', **mini_dataset)),
        fusion_dataloader=dict(dataset=dict(part='test', **mini_dataset))),
    synthetic=dict(
        train_dataloader=dict(
            num_workers=1,
            dataset=dict(
                synthetic_dataset,
                data_root='data/synthetic_rgbt/train',
                pipeline=dict(
                    RandomResizedCrop=dict(size=96, scale=(0.02, 0.06))))),
        val_dataloader=dict(dataset=synthetic_dataset),
        test_dataloader=dict(dataset=synthetic_dataset),
        fusion_dataloader=dict(dataset=synthetic_dataset)))
