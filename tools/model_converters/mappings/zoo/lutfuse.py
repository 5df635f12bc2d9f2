"""LUT-Fuse (ICCV 2025): the table, and the context net."""
from .table import layer_table

_NET = 'generator_context.pth'
_TABLE = 'fine_tuned_lut.npy'
_LAYERS = {
    'table': f'{_TABLE}/array',
    'context.first.0': f'{_NET}/input_layer.0',
    'context.first.2': f'{_NET}/input_layer.2',
    'context.out.conv': f'{_NET}/output_layer.1'
}
for _k in range(3):
    for _i in (0, 2):
        _LAYERS[
            f'context.middle.{_k}.{_i}'] = f'{_NET}/mid_layer.{3 * _k + _i}'

TABLES = (layer_table('lutfuse', 'LUTFuse', _LAYERS, parts=(_TABLE, _NET)), )
