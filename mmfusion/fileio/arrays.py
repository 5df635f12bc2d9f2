"""Arrays in numpy's files, read as data."""
import os
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from mmfusion.utils.errors import UsageError, one_line

PathLike = str | os.PathLike


def read_array(path: PathLike, name: str | None = None) -> np.ndarray:
    """The array of an ``.npy`` file, or one of an ``.npz`` file.

    Args:
        path (str | PathLike): The file.
        name (str, optional): Of the array, in an ``.npz`` file; None takes
            the only one.

    Raises:
        FileNotFoundError: If there is no such file.
        UsageError: If it is damaged, holds other objects than numbers, or
            has not that array; names it.
    """
    with _opened(path) as content:
        if isinstance(content, np.ndarray):
            return content
        if name is None and len(content.files) != 1:
            raise UsageError(f'{path}: expected one array, got '
                             f'{sorted(content.files)}.')
        return _of(content, name or content.files[0])


def read_arrays(path: PathLike) -> dict[str, np.ndarray]:
    """All arrays of an ``.npz`` file, by name.

    Raises:
        FileNotFoundError, UsageError: See :func:`read_array`.
    """
    with _opened(path) as content:
        return {name: _of(content, name) for name in _names(content)}


def npz_names(path: PathLike) -> list[str]:
    """Names of the arrays of an ``.npz`` file.

    Raises:
        FileNotFoundError, UsageError: See :func:`read_array`.
    """
    with _opened(path) as content:
        return _names(content)


def map_array(path: PathLike) -> np.ndarray:
    """The array of an ``.npy`` file, of which parts are read when used.

    Raises:
        FileNotFoundError, UsageError: See :func:`read_array`.
    """
    with _damage_told(path):
        content = np.load(path, mmap_mode='r', allow_pickle=False)
        if not isinstance(content, np.ndarray):
            raise ValueError('several arrays')
        return content


@contextmanager
def _opened(path: PathLike) -> Iterator['np.ndarray | np.lib.npyio.NpzFile']:
    # Opened anew each time: processes that share an open file would move
    # each other's reading position.
    with open(path, 'rb') as file, _damage_told(path):
        yield np.load(file, allow_pickle=False)


@contextmanager
def _damage_told(path: PathLike) -> Iterator[None]:
    try:
        yield
    except (UsageError, FileNotFoundError, PermissionError):
        raise
    # numpy and zipfile raise whatever the damage leads them to
    except Exception as error:
        raise UsageError(
            f'{path}: expected an array written by numpy, or an .npz file '
            'with arrays of numbers, got a damaged or other file '
            f'({one_line(error)}). Fetch or make it again.') from error


def _names(content: 'np.ndarray | np.lib.npyio.NpzFile') -> list[str]:
    if isinstance(content, np.ndarray):
        raise ValueError('one array without a name')
    return list(content.files)


def _of(content: 'np.lib.npyio.NpzFile', name: str) -> np.ndarray:
    array = content[name]
    if not isinstance(array, np.ndarray):  # another file in the archive
        raise ValueError(f'{name!r} is no array')
    return array
