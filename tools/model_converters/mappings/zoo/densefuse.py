"""DenseFuse (TIP 2019): the TensorFlow bundle, and the PyTorch file."""
from .table import layer_table

_CONVS = [
    'stem.conv', *(f'dense.{k}.conv' for k in range(3)),
    *(f'decoder.{k}.conv' for k in range(4))
]
_BUNDLE = [
    'encoder/conv1_1', *(f'encoder/dense_block_conv{k}' for k in (1, 2, 3)),
    *(f'decoder/conv2_{k}' for k in (1, 2, 3, 4))
]
_TORCH = [
    'conv1.conv2d',
    *(f'DB1.denseblock.{k}.dense_conv.conv2d' for k in range(3)),
    *(f'conv{k}.conv2d' for k in (2, 3, 4, 5))
]

TABLES = (
    layer_table('densefuse', 'DenseFuse',
                dict(zip(_CONVS, _BUNDLE, strict=True)), dict(weight='kernel'),
                dict(rule='add', new_first=True, last_act=None), joint='/',
                suffix='.index'),
    layer_table('densefuse', 'DenseFuse', dict(zip(_CONVS, _TORCH,
                                                   strict=True)),
                options=dict(rule='mean', new_first=False, last_act='relu')),
)
