"""AUIF (TCSVT 2021): two encoders and the decoder in a file each."""
from .table import layer_table

_DECODER = 'TCSVT_Decoder.model'
_STEP = dict(kernel='kernel', eta='eta', theta='theta', norm='rest.0',
             act='rest.1')
_LAYERS = {
    'out.conv': f'{_DECODER}/decoder.1',
    'out.norm': f'{_DECODER}/decoder.2'
}
_PARTS = []
for _branch, _stack in (('base', 'conv1'), ('detail', 'conv2')):
    _PARTS.append(f'TCSVT_Encoder_{_branch.capitalize()}.model')
    for _k in range(10):
        _LAYERS |= {
            f'{_branch}.{_k}.{ours}': f'{_PARTS[-1]}/{_stack}.{_k}.{theirs}'
            for ours, theirs in _STEP.items()
        }

TABLES = (layer_table('auif', 'AUIF', _LAYERS, parts=(*_PARTS, _DECODER)), )
