# Trains on fixed patches in one file, scores and fuses whole images. Make
# the patches first, here of LLVIP's first 200 pairs in its own layout:
#   python tools/dataset_converters/make_patches.py data/patches/llvip \
#       --vis data/LLVIP/visible/train --ir data/LLVIP/infrared/train \
#       --grey --format file --limit 200
# The small scales train on small patches, of twenty LLVIP pairs or of
# synthetic scenes:
#   python tools/dataset_converters/make_patches.py data/patches/llvip_mini \
#       --vis $MMFUSION_DATA/det_llvip/train/vi \
#       --ir $MMFUSION_DATA/det_llvip/train/ir \
#       --size 64 --stride 128 --grey --format file
#   python tools/dataset_converters/make_synthetic_rgbt.py
#   python tools/dataset_converters/make_patches.py data/patches/synthetic \
#       --vis data/synthetic_rgbt/train/vis \
#       --ir data/synthetic_rgbt/train/ir \
#       --size 64 --stride 128 --grey --format file

# ======================= Frequently modified ===============================
patch_root = 'data/patches/llvip'
data_root = '{{$MMFUSION_DATA:data}}/LLVIP'
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
# Scored on ten pairs of RoadScene.
mini = dict(
    dataset=dict(
        data_root='{{$MMFUSION_DATA:data}}/fusion_roadscene_ref10',
        data_prefix=dict(vis_path='vi', ir_path='ir')))
synthetic = dict(
    dataset=dict(
        data_root='data/synthetic_rgbt/val',
        data_prefix=dict(vis_path='vis', ir_path='ir')))
dataset_scales = dict(
    mini=dict(
        train_dataloader=dict(
            dataset=dict(data_root='data/patches/llvip_mini')),
        val_dataloader=mini,
        test_dataloader=mini,
        fusion_dataloader=mini),
    synthetic=dict(
        train_dataloader=dict(
            dataset=dict(data_root='data/patches/synthetic')),
        val_dataloader=synthetic,
        test_dataloader=synthetic,
        fusion_dataloader=synthetic))
