"""SeAFusion (Information Fusion 2022), with norms that are never called."""
from .table import layer_table

_BLOCK = {
    'dense.0.conv': 'dense.conv1.conv',
    'dense.1.conv': 'dense.conv2.conv',
    'reduce': 'convdown.conv',
    'sobel_x': 'sobelconv.convx',
    'sobel_y': 'sobelconv.convy',
    'lift': 'convup.conv'
}
_LAYERS = {f'decoder.{k}.conv': f'decode{4 - k}.conv' for k in range(4)}
for ours, theirs in (('vis', 'vis'), ('ir', 'inf')):
    _LAYERS[f'{ours}_encoder.0.conv'] = f'{theirs}_conv.conv'
    _LAYERS.update({
        f'{ours}_encoder.{k}.{one}': f'{theirs}_rgbd{k}.{two}' for k in (1, 2)
        for one, two in _BLOCK.items()
    })
_UNUSED = {
    f'decode{4 - k}.bn.{name}': (width, ) if name[-1] != 'd' else ()
    for k, width in enumerate((64, 32, 16, 1))
    for name in ('weight', 'bias', 'running_mean', 'running_var',
                 'num_batches_tracked')
}

TABLES = (layer_table('seafusion', 'SeAFusion', _LAYERS, unused=_UNUSED), )
