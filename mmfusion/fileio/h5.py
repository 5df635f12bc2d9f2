"""Arrays in HDF5 files, named by paths such as ``pairs.h5:text/00001``."""
import os
import re
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import numpy as np

from mmfusion.utils.errors import UsageError, one_line
from mmfusion.utils.packages import require_package

H5_SUFFIXES = ('.h5', '.hdf5')
_MARK = re.compile(r'\.(?:h5|hdf5)(?=:.)', re.IGNORECASE | re.DOTALL)
#: Files kept open by this process; more are closed in the order of opening.
_MOST_OPEN = 4
_MOST_BYTES = 2**31
_OPEN: 'OrderedDict[str, tuple[tuple, Any]]' = OrderedDict()


def require_h5py() -> ModuleType:
    """The optional package ``h5py``.

    Raises:
        ImportError: If it is not installed; says how to get it.
    """
    return require_package(
        'h5py', 'HDF5 files need it. Run: pip install "mmfusion[text]" (or '
        'pip install h5py).')


def split_h5_path(path: str) -> tuple[str, str] | None:
    """File and field of ``FILE.h5:FIELD``; None for any other path.

    A file may have such a name itself, or lie in a folder that has.
    """
    path = str(path)
    places = [match.end() for match in _MARK.finditer(path)]
    if not places or os.path.lexists(path):
        return None
    place = next((place for place in places if os.path.isfile(path[:place])),
                 places[0])
    return path[:place], path[place + 1:]


def _open(path: str) -> Any:
    """The file, opened once in each process and kept open.

    A handle that came with a fork is replaced: processes that share one
    would share its state. So is one whose file has been replaced.
    """
    h5py = require_h5py()
    try:
        status = os.stat(path)
    except FileNotFoundError as error:
        raise FileNotFoundError(
            f'Expected an HDF5 file at {path!r}, but there is none.'
        ) from error
    stamp = (os.getpid(), status.st_ino, status.st_size, status.st_mtime_ns)
    known = _OPEN.get(path)
    if known is not None and known[0] == stamp:
        return known[1]
    if known is not None:
        _OPEN.pop(path)[1].close()
    with _damage(path):
        handle = h5py.File(path, 'r')
    _OPEN[path] = (stamp, handle)
    while len(_OPEN) > _MOST_OPEN:
        _OPEN.popitem(last=False)[1][1].close()
    return handle


@contextmanager
def _damage(place: str) -> Iterator[None]:
    """h5py raises whatever the damage of a file leads it to."""
    try:
        yield
    except Exception as error:
        raise UsageError(
            f'Expected an HDF5 file, got a damaged or other file: {place!r} '
            f'({one_line(error)}).') from error


def h5_shapes(path: str, group: str) -> dict[str, tuple[int, ...]] | None:
    """Shapes of all arrays below a group, by their names.

    Args:
        path (str): The file.
        group (str): The group, searched with its sub-groups.

    Returns:
        dict[str, tuple] | None: None where there is no such group.

    Raises:
        FileNotFoundError: If there is no such file.
        UsageError: If it is no HDF5 file.
        ImportError: If h5py is not installed.
    """
    h5py = require_h5py()
    handle, shapes = _open(path), {}

    def note(name: str, child: Any) -> None:
        if isinstance(child, h5py.Dataset):
            shapes[name] = tuple(child.shape or ())

    with _damage(path):
        node = handle.get(group)
        if not isinstance(node, h5py.Group):
            return None
        node.visititems(note)
    return shapes


def check_same_names(path: str, groups: dict[str, Sequence[str]]) -> None:
    """Every group of a file must hold the same names.

    Raises:
        UsageError: Otherwise; names groups, counts and what is missing.
    """
    every = set().union(*groups.values())
    lacking = {
        group: sorted(every.difference(names))
        for group, names in groups.items()
    }
    if not any(lacking.values()):
        return
    counts = ', '.join(f'{len(names)} in {group!r}'
                       for group, names in groups.items())
    told = '; '.join(f'{group!r} lacks {", ".join(map(repr, names[:3]))}' +
                     (f' and {len(names) - 3} more' if len(names) > 3 else '')
                     for group, names in lacking.items() if names)
    raise UsageError(f'{path}: expected the same names in all groups, got '
                     f'{counts}: {told}. Are they of different data sets?')


def read_h5(path: str) -> np.ndarray:
    """Read one array.

    Args:
        path (str): ``FILE.h5:FIELD``.

    Returns:
        np.ndarray: As stored.

    Raises:
        FileNotFoundError: If there is no such file.
        UsageError: If the path names no field, the file is damaged or no
            HDF5 file, or lacks the field, or its values lie in another
            file or take more than 2 GiB; names both.
        ImportError: If h5py is not installed.
    """
    h5py = require_h5py()
    parts = split_h5_path(path)
    if parts is None:
        raise UsageError(
            f"Expected a path like 'FILE.h5:GROUP/NAME', got {path!r}.")
    file, field = parts
    handle = _open(file)
    with _damage(file):
        node, groups = handle.get(field), sorted(handle)
    if not isinstance(node, h5py.Dataset):
        raise UsageError(
            f'{file}: expected an array {field!r}, got none; the file has '
            f'the groups {groups}.')
    with _damage(path):
        own = not (node.external or node.is_virtual
                   or node.file.filename != handle.filename)
        fits = node.nbytes <= _MOST_BYTES
        if own and fits:
            _check_chunks(node, os.path.getsize(file))
            return np.asarray(node[()])
    raise UsageError(f'{path}: expected an array of ' + (
        f'2 GiB at most, got {node.shape} {node.dtype}.' if own else
        'its own, got values of another file. Copy them into this one.'))


def _check_chunks(node: Any, end: int) -> None:
    """Where a chunk is shorter than its filters take it to be, or lies
    outside of the file, HDF5 reads other memory and may end the process."""
    if node.chunks is None:
        return
    least = 4 * bool(node.fletcher32)

    def find(chunk: Any) -> Any:
        inside = chunk.byte_offset + chunk.size <= end
        return None if chunk.size > least and inside else chunk

    if wrong := node.id.chunk_iter(find):
        raise UsageError(f'a chunk at {wrong.byte_offset} of {wrong.size} '
                         'bytes')


def read_h5_image(path: str) -> np.ndarray:
    """Read a grey image.

    Args:
        path (str): ``FILE.h5:FIELD``; (1, H, W) or (H, W), uint8, uint16
            or float in [0, 1].

    Returns:
        np.ndarray: (H, W), uint8, uint16 or float32.

    Raises:
        FileNotFoundError: If there is no such file.
        UsageError: If the array is missing, or has another shape, type or
            range; names file and field.
    """
    image = read_h5(path)
    if image.ndim == 3 and image.shape[0] == 1:
        image = image[0]
    if image.ndim != 2 or not image.size:
        raise UsageError(f'{path}: expected an image of shape (1, H, W), '
                         f'got {image.shape}.')
    if image.dtype in (np.uint8, np.uint16):
        return image
    if image.dtype.kind != 'f':
        raise UsageError(f'{path}: expected an image of uint8, uint16 or '
                         f'float, got {image.dtype}.')
    low, high = image.min(), image.max()
    if not (low >= 0 and high <= 1):
        raise UsageError(f'{path}: expected an image in [0, 1], got '
                         f'[{low:.6g}, {high:.6g}].')
    return image.astype(np.float32, copy=False)
