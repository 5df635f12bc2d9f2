# DDFM with a prior that is a formula: a teacher that needs no weights, to
# try the pipeline with.
default_scope = 'mmfusion'
model = dict(
    type='ImageFuser',
    fuser=dict(
        type='DDFM',
        num_steps=25,
        norm='clamp',
        denoiser=dict(type='GaussianPriorDenoiser')))
