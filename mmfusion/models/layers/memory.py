"""Memory: what is cheap is computed twice, what is free goes back."""
import ctypes
import gc
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.graph import saved_tensors_hooks
from torch.nn.modules.batchnorm import _BatchNorm
from torch.utils.checkpoint import checkpoint

from mmfusion.utils.torch_features import is_compiling


def apply_to_concat(function: Callable[[Tensor], Tensor],
                    parts: Sequence[Tensor]) -> Tensor:
    """``function(torch.cat(parts, dim=1))`` that does not keep the copy.

    The backward pass concatenates again instead. It pays where the parts
    are kept anyway, as in densely connected blocks.

    Args:
        function (callable): From a map to a map, e.g. a convolution.
        parts (Sequence[Tensor]): Maps (B, C_i, H, W); do not change them in
            place afterwards.

    Returns:
        Tensor: The function's result.
    """
    if len(parts) == 1:
        return function(parts[0])
    both = torch.cat(tuple(parts), dim=1)
    if is_compiling() or not torch.is_grad_enabled():
        return function(both)
    address, shape = both.data_ptr(), both.shape
    kept = [part.detach() for part in parts]

    def pack(saved: Tensor) -> Any:
        same = saved.data_ptr() == address and saved.shape == shape
        return None if same else saved

    def unpack(saved: Any) -> Tensor:
        return torch.cat(kept, dim=1) if saved is None else saved

    with saved_tensors_hooks(pack, unpack):
        return function(both)


def recompute(module: nn.Module, function: Callable[..., Tensor], *inputs:
              Tensor) -> Tensor:
    """``function(*inputs)``, computed anew in the backward pass.

    Unlike a bare checkpoint, this updates the running statistics of
    BatchNorm layers once, not twice.

    Args:
        module (nn.Module): Owner of the layers that the function calls.
        function (callable): From tensors to a tensor, deterministic.
        inputs (Tensor): Its inputs.

    Returns:
        Tensor: The function's result.
    """
    if not torch.is_grad_enabled():
        return function(*inputs)
    return checkpoint(
        function, *inputs, use_reentrant=False, preserve_rng_state=False,
        context_fn=lambda: (nullcontext(), _statistics_kept(module)))


@contextmanager
def _statistics_kept(module: nn.Module) -> Iterator[None]:
    """Give BatchNorm layers copies of their statistics to update."""
    layers = [x for x in module.modules() if isinstance(x, _BatchNorm)]
    originals = [dict(layer._buffers) for layer in layers]
    for layer, buffers in zip(layers, originals, strict=True):
        layer._buffers.update({
            name: None if value is None else value.clone()
            for name, value in buffers.items()
        })
    try:
        yield
    finally:
        for layer, buffers in zip(layers, originals, strict=True):
            layer._buffers.update(buffers)


def trim_heap() -> None:
    """Give freed memory back to the system, where the C library can.

    glibc keeps freed blocks in its heap, scattered between used ones; after
    a network was rebuilt that is as much as the network itself.
    """
    try:
        ctypes.CDLL('libc.so.6').malloc_trim(0)
    except (OSError, AttributeError):
        return


def peak_meter(device: torch.device) -> '_GpuMemory | _CpuMemory':
    """Measures from now on; its ``peak()`` tells the most bytes since then
    above those before, NaN where the system does not say."""
    return _GpuMemory(device) if device.type == 'cuda' else _CpuMemory()


class _GpuMemory:
    """What torch allocates on a GPU."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        torch.cuda.synchronize(device)
        torch.cuda.reset_peak_memory_stats(device)
        self.before = torch.cuda.memory_allocated(device)

    def peak(self) -> float:
        torch.cuda.synchronize(self.device)
        return torch.cuda.max_memory_allocated(self.device) - self.before


class _CpuMemory:
    """Resident memory of this process (Linux)."""
    _STATUS = Path('/proc/self/status')

    def __init__(self) -> None:
        self.known = sys.platform == 'linux'
        if self.known:
            # what is freed later would hide what is taken
            gc.collect()
            trim_heap()
            try:
                # '5' resets the peak; without it, building the model counts
                Path('/proc/self/clear_refs').write_text('5')
            except OSError:
                self.known = False
        self.before = self._read('VmRSS') if self.known else 0.0

    def peak(self) -> float:
        if not self.known:
            return float('nan')
        return max(self._read('VmHWM') - self.before, 0.0)

    def _read(self, field: str) -> float:
        for line in self._STATUS.read_text().splitlines():
            if line.startswith(f'{field}:'):
                return float(int(line.split()[1]) * 1024)
        return float('nan')
