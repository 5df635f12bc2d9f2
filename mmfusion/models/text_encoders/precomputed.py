"""Features that were computed before: files instead of an encoder."""
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from mmfusion.fileio import (H5_SUFFIXES, FileRule, h5_text_paths, npz_names,
                             read_npz, read_text_feature)
from mmfusion.registry import TEXT_ENCODERS

from .base import TextFeature, pad_text
from .cache import RecentCache

_SUFFIXES = ('.npy', '.npz')


@TEXT_ENCODERS.register_module()
class PrecomputedText:
    """Stored text features, by the stem of their pair.

    - a folder of ``STEM.npy`` or ``STEM.npz`` (one array each);
    - an ``.npz`` file with an array a stem;
    - an ``.h5`` / ``.hdf5`` file with the group ``text``, or ``textA`` and
      ``textB``, which are joined along the tokens;
    - one ``.npy`` file: the same feature for every pair.

    Features are (L, C), (1, L, C) or (1, 1, L, C). Objects can be sent to
    other processes; files are opened where they are read.

    Args:
        path (str): The folder or file.
        cache_size (int): Number of features that stay in memory.

    Raises:
        FileNotFoundError: If there is no such folder or file.
        ValueError: If it is empty or of another kind, or if ``textA`` and
            ``textB`` name different pairs.
        ImportError: If an HDF5 file is given and h5py is not installed.
    """

    def __init__(self, path: str, cache_size: int = 16) -> None:
        self.path = str(path)
        self._cache = RecentCache(cache_size)
        self.for_all = False
        self._places: dict[str, str | tuple] = {}
        suffix = Path(path).suffix.lower()
        if Path(path).is_dir():
            self._places = FileRule(_SUFFIXES).list(self.path, 'text')
        elif not Path(path).is_file():
            raise FileNotFoundError(
                f'Expected text features at {self.path!r}, but there is '
                'nothing. Make them with '
                'tools/dataset_converters/make_text_features.py.')
        elif suffix in H5_SUFFIXES:
            self._places = h5_text_paths(self.path)
        elif suffix == '.npz':
            self._places = {name: name for name in npz_names(self.path)}
        elif suffix == '.npy':
            self.for_all = True
        else:
            raise ValueError(
                f'{self.path}: expected a folder, .h5, .npz or .npy, got the '
                f'suffix {suffix!r}.')
        if not self._places and not self.for_all:
            raise ValueError(f'{self.path}: expected text features, got none.')

    def __len__(self) -> int:
        return len(self._places)

    def __contains__(self, stem: str) -> bool:
        return self.for_all or stem in self._places

    def load(self, stem: str) -> np.ndarray:
        """The feature of one pair.

        Args:
            stem (str): Name of the pair.

        Returns:
            np.ndarray: (L, C) float32, not to be written to.

        Raises:
            ValueError: If there is none for the stem, or it is damaged;
                names file and field.
        """
        if stem not in self:
            names = ', '.join(map(repr, list(self._places)[:3]))
            raise ValueError(
                f'Expected a text feature of {stem!r} in {self.path}, got '
                f'{len(self)} others such as {names}. Are they of another '
                'data set?')
        key = '' if self.for_all else stem
        feature = self._cache.get(key)
        if feature is None:
            feature = self._read(key)
            feature.setflags(write=False)
            self._cache.put(key, feature)
        return feature

    def _read(self, stem: str) -> np.ndarray:
        if self.for_all:
            return read_text_feature(self.path)
        if Path(self.path).suffix.lower() == '.npz':
            return read_npz(self.path, stem)
        return read_text_feature(self._places[stem])

    def encode(self, stems: Sequence[str]) -> TextFeature:
        """The features of several pairs, padded to the longest."""
        return pad_text([torch.tensor(self.load(stem)) for stem in stems])
