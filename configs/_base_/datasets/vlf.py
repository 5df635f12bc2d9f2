# One file of FILM's VLF layout: pairs of 288x384 and their text features,
# made by
#   python tools/dataset_converters/make_vlf_h5.py pack VLFDataset \
#       data/VLF/MSRS_train.h5 --dataset MSRS --split train --size small

# ======================= Frequently modified ===============================
train_file = 'data/VLF/MSRS_train.h5'
test_file = 'data/VLF/MSRS_test.h5'
train_batch_size = 2  # pairs a process

# ======================= Possibly modified =================================
metrics = ['EN', 'SD', 'SF', 'AG', 'VIF', 'Qabf', 'SSIM']

# ======================= Rarely modified ===================================
pipeline = [
    dict(type='LoadFusionPair'),
    dict(type='LoadTextFeatures'),  # those of the file
    dict(type='PackFusionInputs'),
]
train_dataloader = dict(
    batch_size=train_batch_size,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type='DeterministicSampler', shuffle=True),
    dataset=dict(
        type='FusionH5Dataset', h5_file=train_file, pipeline=pipeline))
val_dataloader = dict(
    batch_size=1,
    num_workers=1,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='FusionH5Dataset',
        h5_file=test_file,
        pipeline=pipeline,
        test_mode=True))
test_dataloader = val_dataloader
fusion_dataloader = val_dataloader
val_evaluator = dict(type='FusionMetric', metrics=metrics)
test_evaluator = val_evaluator
