"""SAGE's student (CVPR 2025)."""
from .table import layer_table

_LAYERS = {'out.conv': 'final_decoder.0'}
for k in range(5):
    for layer in range(3):
        _LAYERS.update({
            f'stages.{k}.{layer}.conv':
            f'module{k + 1}.{3 * layer}',
            f'stages.{k}.{layer}.norm':
            f'module{k + 1}.{3 * layer + 1}'
        })
for k in range(2):
    _LAYERS.update({
        f'adjust.{k}.conv': f'adjust_channels{k + 4}.0',
        f'adjust.{k}.norm': f'adjust_channels{k + 4}.1'
    })

TABLES = (layer_table('sage', 'SAGE', _LAYERS), )
