"""The files that methods are published as: read safely, and written back."""
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mmfusion.fileio import read_array, read_arrays
from mmfusion.utils.checkpoint import (PathLike, State, find_state_dict,
                                       read_checkpoint)
from mmfusion.utils.errors import UsageError
from mmfusion.utils.files import finished_file

from .tf_bundle import read_bundle

_WEIGHTS = ('.pth', '.pt', '.pkl', '.model', '.npz', '.npy', '.index')
#: what optimizers keep beside a weight
_SLOTS = ('/Adam', '/Adam_1', '/RMSProp', '/RMSProp_1', '/Momentum',
          'beta1_power', 'beta2_power', 'global_step')
#: the name of the one array of an ``.npy`` file
ARRAY = 'array'


def read_tensors(path: PathLike, container: str = '') -> State:
    """The tensors of one file, by their names in it.

    Args:
        path (str | PathLike): A file of torch, an ``.npz`` or ``.npy`` file,
            or the ``.index`` of a TensorFlow bundle, whose kernels are
            brought to torch's order and whose optimizer is left out.
        container (str): See :func:`find_state_dict`.

    Raises:
        FileNotFoundError: If there is no such file.
        UsageError: If it is damaged, holds other objects than numbers, or
            half a bundle.
    """
    path = Path(path)
    if path.suffix == '.index' or '.data-0' in path.suffix or (
            not path.exists() and Path(f'{path}.index').is_file()):
        return {
            name: _from_tensorflow(array)
            for name, array in read_bundle(path).items()
            if not name.endswith(_SLOTS)
        }
    if path.suffix in ('.npz', '.npy') and path.is_file():
        arrays = read_arrays(path) if path.suffix == '.npz' else {
            ARRAY: read_array(path)
        }
        try:
            return {name: torch.from_numpy(x) for name, x in arrays.items()}
        except (ValueError, TypeError) as error:
            raise UsageError(
                f'Expected {str(path)!r} to hold arrays of numbers, got '
                f'others ({error}). Fetch it again.') from error
    return find_state_dict(read_checkpoint(path), container)


def _from_tensorflow(array: np.ndarray) -> Tensor:
    """Kernels (height, width, in, out) become (out, in, height, width)."""
    if array.ndim == 4:
        array = np.ascontiguousarray(array.transpose(3, 2, 0, 1))
    return torch.from_numpy(array)


def find_file(path: PathLike) -> Path:
    """The file itself, or the only file of weights in a folder.

    Raises:
        UsageError: If the folder has none or several; names them.
    """
    path = Path(path)
    if not path.is_dir():
        return path
    found = sorted(file for file in path.iterdir() if file.suffix in _WEIGHTS)
    if len(found) != 1:
        raise UsageError(
            f'Expected one file of weights in {path}, got '
            f'{[file.name for file in found] or "none"}. Name one.')
    return found[0]


def find_parts(folder: PathLike, names: Sequence[str],
               method: str) -> dict[str, Path]:
    """The files of a method of several, by their published names.

    Raises:
        UsageError: If one is missing, or a file is named for the folder.
        FileNotFoundError: If there is no such folder.
    """
    folder = Path(folder)
    if not folder.exists():
        raise FileNotFoundError(f'Expected a folder at {str(folder)!r}, but '
                                'there is none.')
    missing = [name for name in names if not (folder / name).is_file()]
    if missing:
        raise UsageError(f'Expected the folder with the files of {method!r} '
                         f'({", ".join(names)}), got {folder} without '
                         f'{" and ".join(missing)}.' if folder.is_dir() else
                         f'Expected the folder with the files of {method!r} '
                         f'({", ".join(names)}), got the file {folder}.')
    return {name: folder / name for name in names}


def write_tensors(path: PathLike, state: State, suffix: str = '',
                  container: str = '',
                  meta: dict[str, Any] | None = None) -> None:
    """Inverse of :func:`read_tensors`.

    Args:
        path (str | PathLike): The file.
        state (dict[str, Tensor]): By the names of the published file.
        suffix (str): The format: ``'.npz'``, ``'.npy'``, else torch's.
        container (str): Under which name a file of torch holds them; '' for
            none.
        meta (dict, optional): Goes beside the container.

    Raises:
        UsageError: If it would be a TensorFlow bundle, or its name does not
            tell that it is numpy's.
    """
    if suffix == '.index':
        raise UsageError(f'{path} would be a TensorFlow bundle, which can be '
                         'read alone: --reverse expects weights of another '
                         'published format.')
    if suffix in ('.npz', '.npy') and Path(path).suffix != suffix:
        raise UsageError(f'Expected an {suffix} file to write, got {path}.')
    with finished_file(path) as draft:
        if suffix == '.npz':
            np.savez(draft, **{k: v.numpy() for k, v in state.items()})
        elif suffix == '.npy':
            np.save(draft, state[ARRAY].numpy())
        else:
            torch.save({
                container: state,
                'meta': meta or {}
            } if container else state, draft)
