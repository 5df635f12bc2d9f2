"""Text features: one array (tokens, channels) a pair of images."""
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from .arrays import read_array
from .h5 import check_same_names, h5_shapes, read_h5, split_h5_path

#: Groups of an HDF5 file that hold text, those of one tuple joined.
TEXT_GROUPS = (('text', ), ('textA', 'textB'))


def as_text_feature(array: np.ndarray, source: str) -> np.ndarray:
    """Check a feature and bring it into its usual form.

    Args:
        array (np.ndarray): (L, C), (1, L, C) or (1, 1, L, C), floating
            point.
        source (str): Where it comes from, for messages.

    Returns:
        np.ndarray: (L, C) float32.

    Raises:
        ValueError: If it has another shape or type, or values that are not
            finite.
    """
    array = np.asarray(array)
    shape = array.shape
    while array.ndim > 2 and array.shape[0] == 1:
        array = array[0]
    if array.ndim != 2 or not array.size:
        raise ValueError(
            f'{source}: expected a text feature of shape (L, C), (1, L, C) '
            f'or (1, 1, L, C), got {shape}.')
    if array.dtype.kind != 'f':
        raise ValueError(f'{source}: expected a text feature of floating '
                         f'point numbers, got {array.dtype}.')
    if not np.isfinite(array).all():
        count = int((~np.isfinite(array)).sum())
        raise ValueError(
            f'{source}: expected finite values, got {count} of {array.size} '
            'that are NaN or infinite. Make this feature again.')
    return np.ascontiguousarray(array, np.float32)


def read_text_feature(path: str | Sequence[str]) -> np.ndarray:
    """Read the feature of one pair.

    Args:
        path (str | sequence[str]): An ``.npy`` file, an ``.npz`` file with
            one array, or ``FILE.h5:FIELD``. Features of several paths are
            joined along the tokens.

    Returns:
        np.ndarray: (L, C) float32.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is damaged or no text feature; names it.
    """
    if not isinstance(path, str):
        parts = [read_text_feature(part) for part in path]
        widths = [part.shape[1] for part in parts]
        if len(set(widths)) > 1:
            raise ValueError(f'{list(path)}: expected features of equal '
                             f'width to join, got {widths}.')
        return np.concatenate(parts)
    if split_h5_path(path):
        return as_text_feature(read_h5(path), path)
    if not Path(path).is_file():
        raise FileNotFoundError(
            f'Expected a text feature at {path!r}, but there is none.')
    return as_text_feature(read_array(path), path)


def read_npz(path: str, name: str) -> np.ndarray:
    """One array of an ``.npz`` file, as :func:`read_text_feature`."""
    return as_text_feature(read_array(path, name), f'{path}:{name}')


def h5_text_paths(path: str) -> dict[str, tuple]:
    """Paths of the text features of an HDF5 file, by stem.

    Returns:
        dict[str, tuple[str, ...]]: One path a stem, or two to be joined.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it has no text, or names differ between the groups.
    """
    for groups in TEXT_GROUPS:
        shapes = [h5_shapes(path, group) for group in groups]
        if None in shapes:
            continue
        check_same_names(path, dict(zip(groups, shapes, strict=True)))
        return {
            name: tuple(f'{path}:{group}/{name}' for group in groups)
            for name in shapes[0]
        }
    raise ValueError(
        f"{path}: expected the group 'text' (or 'textA' and 'textB'), got "
        'none of them.')
