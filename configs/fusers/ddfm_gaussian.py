# DDFM with a prior that is a formula: a teacher that needs no weights, to
# try the pipeline with.
_base_ = [
    '../_base_/datasets/fusion_folders.py',
    '../_base_/schedules/mini.py',
    '../_base_/default_runtime.py',
]

model = dict(
    type='ImageFuser',
    fuser=dict(
        type='DDFM',
        num_steps=25,
        norm='clamp',
        denoiser=dict(type='GaussianPriorDenoiser')))
