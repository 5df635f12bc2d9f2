"""Other packages' readers held to data: no file of weights runs code.

mmengine unpickles whatever a checkpoint asks for where the safe way fails,
and evaluates a config in it. All its loading passes ``CheckpointLoader``,
which is the one place that is changed here.
"""
import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache, wraps
from typing import Any

import yaml
from mmengine.fileio import PickleHandler, YamlHandler, register_handler

from .after_import import after_import
from .checkpoint import allowed_globals, find_state_dict, read_checkpoint
from .model_index import BOX
from .plain_pickle import PlainUnpickler
from .torch_features import safe_globals

#: torch reads it at each ``torch.load``, whatever its caller asks for
_FORCE = 'TORCH_FORCE_WEIGHTS_ONLY_LOAD'
_LOCK = threading.Lock()
_inside = 0
_before: str | None = None


@contextmanager
def weights_only() -> Iterator[None]:
    """While it lasts, ``torch.load`` reads tensors and plain containers.

    This holds for all packages, also those that ask for more, and for
    processes that are started meanwhile.
    """
    global _inside, _before
    with _LOCK:
        if not _inside:
            _before = os.environ.get(_FORCE)
            os.environ[_FORCE] = '1'
        _inside += 1
    try:
        yield
    finally:
        with _LOCK:
            _inside -= 1
            if not _inside:
                if _before is None:
                    os.environ.pop(_FORCE, None)
                else:
                    os.environ[_FORCE] = _before


@cache
def guard_loading() -> None:
    """Let mmengine's loaders read data alone, in this process."""
    register_handler(['pickle', 'pkl'])(PlainPickleHandler)
    register_handler(['yaml', 'yml'])(PlainYamlHandler)
    # later: mmengine's runner, which no fuser needs, takes a second
    after_import('mmengine.runner.checkpoint', _guard_checkpoints)


def _guard_checkpoints() -> None:
    from mmengine.runner.checkpoint import CheckpointLoader
    CheckpointLoader.register_scheme('', load_from_local, force=True)
    CheckpointLoader.register_scheme(BOX, load_from_box, force=True)
    load = CheckpointLoader.load_checkpoint.__func__

    @wraps(load)
    def load_data(cls: type, *args: Any, **kwargs: Any) -> Any:
        with weights_only(), safe_globals(allowed_globals()):
            return without_code(load(cls, *args, **kwargs))

    CheckpointLoader.load_checkpoint = classmethod(load_data)


def load_from_local(filename: str, map_location: Any = None) -> Any:
    """mmengine's loader of local files; see :func:`read_checkpoint`."""
    return read_checkpoint(os.path.expanduser(filename), map_location)


def load_from_box(filename: str, map_location: Any = None) -> Any:
    """mmengine's loader of the weights that metafiles name ``box:FILE``.

    Returns:
        dict: Of a whole wrapper, with the fuser's keys under ``fuser.``.
    """
    from .box_weights import box_weights
    path = box_weights(filename.removeprefix(BOX))
    state = find_state_dict(read_checkpoint(path, map_location))
    if any(key.startswith('fuser.') for key in state):
        return state
    return {f'fuser.{key}': value for key, value in state.items()}


def without_code(checkpoint: Any) -> Any:
    """A checkpoint without what mmengine's runner would evaluate."""
    meta = checkpoint.get('meta') if isinstance(checkpoint, Mapping) else None
    if isinstance(meta, dict):
        meta.pop('config', None)
    return checkpoint


class PlainPickleHandler(PickleHandler):
    """mmengine's reader of pickles, for arrays and plain containers."""

    def load_from_fileobj(self, file: Any, **kwargs: Any) -> Any:
        return PlainUnpickler(file, **kwargs).load()


class PlainYamlHandler(YamlHandler):
    """mmengine's reader of YAML, without Python's objects."""

    def load_from_fileobj(self, file: Any, **kwargs: Any) -> Any:
        return super().load_from_fileobj(
            file, **{
                **kwargs, 'Loader': getattr(yaml, 'CSafeLoader',
                                            yaml.SafeLoader)
            })
