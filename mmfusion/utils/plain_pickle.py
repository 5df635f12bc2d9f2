"""Pickles of arrays and plain containers, which run nothing."""
import pickle
from collections import OrderedDict
from typing import Any

import numpy as np

#: (module, name) of what arrays are made by, in both lines of NumPy, which
#: renamed the module
ARRAYS = {
    (f'numpy.{core}.{module}', name): function for core in ('core', '_core')
    for module, name, function in (
        ('multiarray', '_reconstruct', np.zeros(1).__reduce__()[0]),
        ('multiarray', 'scalar', np.float32(1).__reduce__()[0]),
        ('numeric', '_frombuffer', np.zeros(1).__reduce_ex__(5)[0]),
    )
}


def latin1_bytes(text: str, encoding: str) -> bytes:
    """What protocols below 3 make bytes by."""
    return text.encode('latin1')


_ALLOWED = {
    **ARRAYS,
    ('collections', 'OrderedDict'): OrderedDict,
    ('numpy', 'ndarray'): np.ndarray,
    ('numpy', 'dtype'): np.dtype,
    ('_codecs', 'encode'): latin1_bytes,
}


class PlainUnpickler(pickle.Unpickler):
    """Builds arrays and plain containers, and calls nothing else."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) in _ALLOWED:
            return _ALLOWED[module, name]
        raise pickle.UnpicklingError(
            f'it asks for {module}.{name}; arrays and plain containers alone '
            'are read, since others could run code')
