# FILM by itself. What a pair's text is comes with the data; to fuse without
# one: fuser=dict(missing_text='none').
model = dict(
    type='ImageFuser',
    fuser=dict(type='FILMFusion'),
    # target='max' for infrared and visible, medical and multi-focus pairs;
    # 'mean' for multi-exposure pairs. The weights are those of the authors'
    # training script; theirs for multi-exposure and multi-focus training are
    # not known.
    fusion_losses=dict(film=dict(type='FILMLoss', target='max')))
slim = dict(
    _of_='FILMFusion',
    channels=8,
    token_dim=32,
    token_channels=8,
    num_heads=4,
    token_grid=(36, 48))
model_scales = dict(mini=dict(model=dict(fuser=slim)))
