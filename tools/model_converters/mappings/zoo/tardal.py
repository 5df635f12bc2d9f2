"""TarDAL (CVPR 2022): several trainings of one network."""
from .table import layer_table

_BLOCKS = [
    'encoder', *(f'dense.{k}' for k in range(3)),
    *(f'decoder.{k}' for k in range(4))
]
_LAYERS = {
    f'{block}.{layer}': f'{block.replace("decoder", "fuse")}.{k}'
    for block in _BLOCKS for k, layer in enumerate(('conv', 'norm'))
}

#: the name of a file tells which statistics it needs
TABLES = tuple(
    layer_table('tardal', 'TarDAL', _LAYERS, options=dict(
        batch_statistics=batch), mark=mark)
    for mark, batch in (('+', False), ('tardal.', True)))
