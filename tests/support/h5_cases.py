"""Text features and pairs in HDF5 files."""
import h5py
import numpy as np

WIDTH = 16


def feature(seed, length=5, width=WIDTH):
    """A random feature (L, C), float32."""
    rng = np.random.RandomState(seed)
    return rng.standard_normal((length, width)).astype(np.float32)


def write_h5(path, groups):
    """Arrays by group and name."""
    with h5py.File(path, 'w') as file:
        for group, arrays in groups.items():
            node = file.create_group(group)
            for name, array in arrays.items():
                node[name] = array
    return str(path)


def h5_groups(names, size=(24, 32)):
    """``imageA``, ``imageB`` and ``text`` of some pairs."""
    rng = np.random.RandomState(0)
    groups = {
        group: {
            name:
            (rng.randint(0, 256,
                         (1, *size)) / np.float32(255)).astype(np.float32)
            for name in names
        } for group in ('imageA', 'imageB')
    }
    groups['text'] = {
        name: feature(index, 3 + index)[None]
        for index, name in enumerate(names)
    }
    return groups
