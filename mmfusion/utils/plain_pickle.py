"""Pickles of arrays and plain containers, which run nothing."""
import pickle
from collections import OrderedDict
from typing import Any

import numpy as np

# NumPy 2 renamed it
_CORE = getattr(np, '_core', None) or np.core
_ARRAYS = (('multiarray', '_reconstruct'), ('multiarray', 'scalar'),
           ('numeric', '_frombuffer'))
_ALLOWED = {
    ('collections', 'OrderedDict'):
    OrderedDict,
    ('numpy', 'ndarray'):
    np.ndarray,
    ('numpy', 'dtype'):
    np.dtype,
    # how protocols below 3 spell bytes
    ('_codecs', 'encode'):
    lambda text, encoding: text.encode('latin1'),
}
_ALLOWED.update({
    (f'numpy.{core}.{module}', name):
    getattr(getattr(_CORE, module), name) for core in ('core', '_core')
    for module, name in _ARRAYS
})


class PlainUnpickler(pickle.Unpickler):
    """Builds arrays and plain containers, and calls nothing else."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) in _ALLOWED:
            return _ALLOWED[module, name]
        raise pickle.UnpicklingError(
            f'it asks for {module}.{name}; arrays and plain containers alone '
            'are read, since others could run code')
