"""LRRNet (TPAMI 2023)."""
from .table import layer_table

_DECODER = {
    'reduce.ir_low_rank': 'ReZx',
    'reduce.ir_sparse': 'ReUx',
    'reduce.vis_low_rank': 'ReZy',
    'reduce.vis_sparse': 'ReUy',
    'low_rank': 'ReL',
    'sparse': 'ReH'
}
_LAYERS = {
    ours: f'decoder.conv_{theirs}.conv2d' for ours, theirs in _DECODER.items()
}
for _ours, _theirs in (('ir_decomposer', 'get_ls1'), ('vis_decomposer',
                                                      'get_ls2')):
    _LAYERS |= {
        f'{_ours}.threshold': f'{_theirs}.lamj',
        f'{_ours}.decay': f'{_theirs}.lamz',
        f'{_ours}.start': f'{_theirs}.conv_W00.conv2d'
    }
    for _k in range(4):
        _step = f'{_theirs}.lrrblock{_k}.conv'
        _LAYERS |= {
            f'{_ours}.synthesis.{_k}': f'{_step}_Wdz.conv2d',
            f'{_ours}.analysis.{_k}': f'{_step}_Wdtz.conv2d'
        }

TABLES = (layer_table('lrrnet', 'LRRNet', _LAYERS), )
