"""DIDFuse (IJCAI 2020): encoder and decoder in a file each."""
from .table import layer_table

_FILES = ('Encoder.pkl', 'Decoder.pkl')
#: our blocks, and the number of theirs, its file and its padding layers
_BLOCKS = dict(stem=(1, 0, 1), features=(2, 0, 0), base=(3, 0, 0),
               detail=(4, 0, 0), merge=(5, 1, 0), refine=(6, 1, 0),
               out=(7, 1, 1))

TABLES = (layer_table(
    'didfuse', 'DIDFuse', {
        f'{block}.{layer}':
        f'{_FILES[file]}/cov{number}.cov{number}.{first + k}'
        for block, (number, file, first) in _BLOCKS.items()
        for k, layer in enumerate(('conv', 'norm', 'act'))
    }, parts=_FILES, container='weight'), )
