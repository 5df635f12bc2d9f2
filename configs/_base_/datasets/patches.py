# Trains on fixed patches in one file, scores and fuses whole images. Make
# the patches first, here of LLVIP's first 200 pairs in its own layout:
#   python tools/dataset_converters/make_patches.py data/patches/llvip \
#       --vis data/LLVIP/visible/train --ir data/LLVIP/infrared/train \
#       --grey --format file --limit 200
import os

# ======================= Frequently modified ===============================
patch_root = 'data/patches/llvip'
data_root = os.path.join(os.environ.get('MMFUSION_DATA') or 'data', 'LLVIP')
data_prefix = dict(vis_path='visible/test', ir_path='infrared/test')
train_batch_size = 25  # patches a process
train_num_workers = 2

# ======================= Possibly modified =================================
metrics = ['SD', 'SCD', 'VIF', 'Qabf', 'SSIM', 'CC']

# ======================= Rarely modified ===================================
pipeline = [
    dict(type='LoadFusionPair'),
    dict(type='PackFusionInputs'),
]
train_dataloader = dict(
    batch_size=train_batch_size,
    num_workers=train_num_workers,
    persistent_workers=train_num_workers > 0,
    sampler=dict(type='DeterministicSampler', shuffle=True),
    dataset=dict(
        type='PatchFileDataset', data_root=patch_root, pipeline=pipeline))
val_dataloader = dict(
    batch_size=1,
    num_workers=1,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='PairedImageDataset',
        data_root=data_root,
        data_prefix=data_prefix,
        pipeline=pipeline,
        test_mode=True))
test_dataloader = val_dataloader
# What tools/test_fusion.py fuses.
fusion_dataloader = val_dataloader
val_evaluator = dict(type='FusionMetric', metrics=metrics)
test_evaluator = val_evaluator
del os
