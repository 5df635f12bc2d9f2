# Synthetic street scenes without their labels, as varied as real cameras
# are: tones down to a black night and up to glare, cold or hot as white,
# noise, blur, any size of things. Made by
#   python tools/dataset_converters/make_synthetic_rgbt.py
_base_ = './paired_fusion.py'

# ======================= Frequently modified ===============================
data_root = 'data/synthetic_rgbt'
train_batch_size = 2  # pairs a process
train_num_workers = 1

# ======================= Possibly modified =================================
crop_size = 160
crop_scale = (0.05, 0.5)  # share of the image's area
noise = (1.0, 8.0)  # deviation, levels

# ======================= Rarely modified ===================================
geometry = [
    dict(type='LoadFusionPair'),
    dict(type='RandomResizedCrop', size=crop_size, scale=crop_scale),
    dict(type='RandomFlip', prob=0.5),
]
cameras = [
    dict(
        type='OnModality',
        modality='vis',
        transforms=[
            dict(type='RandomBlur', gaussian=(3, 5), motion=5, prob=0.3),
            dict(type='RandomTone', high=(0.3, 1.3), prob=0.6),
            dict(type='SensorNoise', sigma=noise, prob=0.4),
        ]),
    dict(
        type='OnModality',
        modality='ir',
        transforms=[
            dict(type='RandomBlur', gaussian=(3, 5), motion=5, prob=0.3),
            dict(type='RandomTone', invert=0.15, prob=0.6),
            dict(type='SensorNoise', sigma=noise, columns=1.0, prob=0.4),
        ]),
]
train_pipeline = [*geometry, *cameras, dict(type='PackFusionInputs')]
folders = dict(vis_path='vis', ir_path='ir')
train_dataloader = dict(
    batch_size=train_batch_size,
    num_workers=train_num_workers,
    persistent_workers=train_num_workers > 0,
    dataset=dict(
        data_root=f'{data_root}/train',
        data_prefix=folders,
        pipeline=train_pipeline))
fusion_dataloader = dict(
    dataset=dict(data_root=f'{data_root}/val', data_prefix=folders))
val_dataloader = fusion_dataloader
test_dataloader = fusion_dataloader
val_evaluator = dict(metrics=['SD', 'SCD', 'VIF', 'Qabf', 'SSIM'])
