"""What the installed torch offers, found by trying, not by version."""
import pickle
import tarfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import cache
from inspect import signature
from types import ModuleType, SimpleNamespace
from typing import Any, NoReturn

import torch
from torch import serialization

from .tensor_pickle import allowing

#: whether a graph is being compiled or exported; the very function that
#: torch's compiler knows
is_compiling = getattr(torch.compiler, 'is_compiling',
                       torch._utils.is_compiling)
#: whether one is being exported, or compiled, where torch makes no difference
is_exporting = getattr(torch.compiler, 'is_exporting', is_compiling)


def exports_programs() -> bool:
    """Whether it traces what ``torch.export`` and ONNX files are made of."""
    return 'dynamic_shapes' in signature(torch.export.export).parameters


def autocasts_cpu() -> bool:
    """Whether autocast is on for the CPU."""
    try:
        return torch.is_autocast_enabled('cpu')
    except TypeError:  # it asks for no device
        return torch.is_autocast_cpu_enabled()


def math_attention() -> AbstractContextManager:
    """While it lasts, attention is made of plain operators."""
    try:
        from torch.nn.attention import SDPBackend, sdpa_kernel
    except ImportError:
        return torch.backends.cuda.sdp_kernel(enable_flash=False,
                                              enable_mem_efficient=False)
    return sdpa_kernel(SDPBackend.MATH)


class _Replaced(AbstractContextManager):
    """Names of a module stand for something else while any thread is inside.

    Args:
        module (module): Whose names are replaced.
        names: What they stand for meanwhile.
    """

    def __init__(self, module: ModuleType, **names: Any) -> None:
        self.module, self.names = module, names
        self.lock, self.inside = threading.Lock(), 0
        self.before: dict[str, Any] = {}

    def __enter__(self) -> None:
        with self.lock:
            if not self.inside:
                self.before = {
                    name: getattr(self.module, name) for name in self.names
                }
                self._set(self.names)
            self.inside += 1

    def __exit__(self, *_: Any) -> None:
        with self.lock:
            self.inside -= 1
            if not self.inside:
                self._set(self.before)

    def _set(self, names: dict[str, Any]) -> None:
        for name, value in names.items():
            setattr(self.module, name, value)


def _is_torchscript(archive: Any) -> bool:
    if 'constants.pkl' in archive.get_all_records():
        raise pickle.UnpicklingError(
            'Weights only load failed. WeightsUnpickler error: Trying to '
            'load TorchScript, which is code')
    return False


def _no_archive(*_: Any, **__: Any) -> NoReturn:
    raise tarfile.TarError


#: torch before 2.6 runs TorchScript, and extracts archives, whatever it is
#: asked for
_no_code = _Replaced(
    serialization, _is_torchscript_zip=_is_torchscript,
    tarfile=SimpleNamespace(open=_no_archive, TarError=tarfile.TarError,
                            PAX_FORMAT=tarfile.PAX_FORMAT))


@cache
def _own_unpickler(allowed: tuple[Any, ...]) -> _Replaced:
    return _Replaced(serialization, _weights_only_unpickler=allowing(allowed))


@contextmanager
def safe_globals(allowed: Sequence[Any]) -> Iterator[None]:
    """While it lasts, ``torch.load(weights_only=True)`` allows more.

    It refuses TorchScript and archives of before PyTorch 0.1.10.

    Args:
        allowed (sequence): Functions and classes, or pairs of one and the
            name under which pickles ask for it.
    """
    native = getattr(serialization, 'safe_globals', None)
    with _no_code, (native(allowed) if native else _own_unpickler(
            tuple(allowed))):
        yield
