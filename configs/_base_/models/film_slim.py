# A FILM of a CPU's size: `model = dict(fuser=_base_.slim)`.
slim = dict(
    channels=8,
    token_dim=32,
    token_channels=8,
    num_heads=4,
    token_grid=(36, 48))
