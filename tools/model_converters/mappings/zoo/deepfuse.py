"""DeepFuse (ICCV 2017): kernels of Theano, which flips them."""
from .table import layer_table

TABLES = (layer_table(
    'deepfuse', 'DeepFuse', {
        f'{part}.{k}.conv.weight': f'arr_{first + k}'
        for part, first, count in (('encoder', 0, 2), ('decoder', 2, 4))
        for k in range(count)
    }, arrange=lambda kernel: kernel.flip(2, 3), suffix='.npz'), )
