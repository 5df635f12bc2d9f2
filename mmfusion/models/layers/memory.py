"""Memory: what is cheap is computed twice, what is free goes back."""
import ctypes
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.graph import saved_tensors_hooks
from torch.nn.modules.batchnorm import _BatchNorm
from torch.utils.checkpoint import checkpoint


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
    if torch.compiler.is_compiling() or not torch.is_grad_enabled():
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
