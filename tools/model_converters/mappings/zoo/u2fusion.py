"""U2Fusion (TPAMI 2022): a TensorFlow bundle."""
from .table import layer_table

_ENCODER, _DECODER = 'Generator/encoder', 'Generator_1/decoder'
_LAYERS = {'stem.conv': f'{_ENCODER}/conv1_1'}
for k in range(5):
    _LAYERS[f'dense.{k}.conv'] = f'{_ENCODER}/dense_block_conv{k + 1}'
for k in range(4):
    _LAYERS[f'decoder.{k}.conv'] = f'{_DECODER}/conv2_{k + 1}'

TABLES = (layer_table('u2fusion', 'U2Fusion', _LAYERS, dict(weight='kernel'),
                      joint='/', suffix='.index'), )
