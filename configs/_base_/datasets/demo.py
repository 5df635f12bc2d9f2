# Half-size scenes for `make demo`, which makes or links them:
# work_dirs/demo/data/{train,val}/{vis,ir,label}/NAME
# The variable MMFUSION_DEMO names another folder than work_dirs/demo.
_base_ = './synthetic.py'

# ======================= Frequently modified ===============================
demo_dir = '{{$MMFUSION_DEMO:work_dirs/demo}}'
data_root = f'{demo_dir}/data'

# ======================= Possibly modified =================================
scale = (320, 240)  # (width, height) that images are fitted into
crop_size = (160, 192)  # (height, width)
train_batch_size = 4  # pairs

# ======================= Rarely modified ===================================
train_pipeline = [
    dict(type='LoadFusionPair'),
    dict(type='LoadFusionAnnotations'),
    dict(type='Resize', scale=scale, keep_ratio=True),
    dict(type='RandomCrop', crop_size=crop_size, cat_max_ratio=0.95),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackFusionInputs'),
]
test_pipeline = [
    dict(type='LoadFusionPair'),
    dict(type='Resize', scale=scale, keep_ratio=True),
    dict(type='LoadFusionAnnotations'),
    dict(type='PackFusionInputs'),
]
# One loading process: the cores are needed for training.
train_dataloader = dict(
    batch_size=train_batch_size,
    num_workers=1,
    persistent_workers=True,
    dataset=dict(
        data_root=f'{data_root}/train', pipeline=train_pipeline))
val_dataloader = dict(
    dataset=dict(
        data_root=f'{data_root}/val', pipeline=test_pipeline))
test_dataloader = val_dataloader
fusion_dataloader = dict(
    dataset=dict(data_root=f'{data_root}/val'))
