"""MATR (TIP 2022)."""
from .datfuse import transformer_layers, transformer_unused
from .table import layer_table

_CONV = {
    'encode': 'conv1.ce',
    'norms.0': 'conv1.ce_bn',
    'norms.1': 'conv1.ci_bn2',
    'norms.2': 'conv1.ci_bn',
    'interact': 'conv1.ci',
    'decode_in': 'conv1.gd',
    'decode_out': 'conv1.gd2',
    'norm': 'bn1',
    'weight': 'conv1.weight'
}

_LAYERS = {**transformer_layers(3), 'out': 'convolutional_out.conv1'}
for _ours, _theirs in dict(stem='convInput', conv='conv').items():
    for _name, _other in _CONV.items():
        _LAYERS[f'{_ours}.{_name}'] = f'{_theirs}.{_other}'

TABLES = (layer_table('matr', 'MATR', _LAYERS, unused=transformer_unused(3)), )
