# One fuser of three, for pairs of any task: `choices = dict(fuser=
# _base_.fusers)`. TransFuser6 is the first; the losses are the form's.
_base_ = './transfuser6.py'

film_slim = dict(
    channels=8,
    token_dim=32,
    token_channels=8,
    num_heads=4,
    token_grid=(36, 48))
fusers = dict(
    transfuser6=dict(),
    # 113 weights, trained without a teacher
    mmdrfuse_student=dict(
        model=dict(fuser=dict(_drop_=True, type='MMDRFuseStudent'))),
    # without texts
    film=dict(
        model=dict(
            fuser=dict(_drop_=True, type='FILMFusion', missing_text='none'),
            fusion_losses=dict(_drop_=True, film=dict(type='FILMLoss',
                                               target='max'))),
        model_scales=dict(mini=dict(model=dict(fuser=film_slim)))))
