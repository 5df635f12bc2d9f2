"""A GPU that is not there: shapes, types and devices without numbers.

In :class:`FakeGpu` tensors of device ``cuda`` run through PyTorch's own
rules for each operator. What a GPU would refuse (tensors of two devices) and
what would make the processor wait for it (a value that is read, a shape that
depends on values) raises; copies between both are written down.
"""
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch
from mmengine.structures import BaseDataElement
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._pytree import tree_flatten, tree_map

CUDA = torch.device('cuda', 0)
#: float32, and both kinds of autocast
DTYPES = (None, torch.float16, torch.bfloat16)


class Copies(NamedTuple):
    """Shapes of what was copied between processor and GPU.

    Attributes:
        waits: To the GPU, so that the processor waits until the GPU has done
            all that it was given before.
        from_gpu: To the processor, which waits too.
    """
    waits: list[tuple[int, ...]]
    from_gpu: list[tuple[int, ...]]


class _Mode(FakeTensorMode):
    """Writes copies down."""
    KINDS = (torch.ops.aten._to_copy, torch.ops.aten.copy_)
    copies = Copies([], [])

    def __torch_dispatch__(self, func: Callable, types: Any, args: tuple = (),
                           kwargs: dict | None = None) -> Any:
        out = super().__torch_dispatch__(func, types, args, kwargs)
        if func.overloadpacket not in self.KINDS:
            return out
        blocking = not ((kwargs or {}).get('non_blocking')
                        or args[2:3] == (True, ))
        source = tensors(args)[-1].device.type
        if source == 'cuda' and out.device.type == 'cpu':
            self.copies.from_gpu.append(tuple(out.shape))
        if source == 'cpu' and out.device.type == 'cuda' and blocking:
            self.copies.waits.append(tuple(out.shape))
        return out


class FakeGpu:
    """Runs code on a GPU that is not there."""

    def __init__(self) -> None:
        self.mode = _Mode()

    def put(self, node: Any, device: Any = CUDA,
            dtype: torch.dtype | None = None) -> Any:
        """Tensors in containers or a data element, on the GPU (``device``);
        floats in another type, if there is one."""
        if isinstance(node, BaseDataElement):
            node = node.clone()
            for key, value in node.items():
                node.set_data({key: self.put(value, device, dtype)})
            return node
        return tree_map(
            lambda x: self._fake(x, device, dtype)
            if isinstance(x, Tensor) else x, node)

    def _fake(self, tensor: Tensor, device: Any,
              dtype: torch.dtype | None) -> Tensor:
        if dtype is None or not tensor.is_floating_point():
            dtype = tensor.dtype
        with self.mode:
            return torch.empty_strided(tensor.shape, tensor.stride(),
                                       dtype=dtype, device=device)

    def put_module(self, module: nn.Module) -> nn.Module:
        """Its parameters and buffers, on the GPU, in place."""
        for part in module.modules():
            for store in (part._parameters, part._buffers):
                for key, value in store.items():
                    if value is None:
                        continue
                    fake = self.put(value)
                    if isinstance(value, nn.Parameter):
                        fake = nn.Parameter(fake, value.requires_grad)
                    store[key] = fake
        return module

    @contextmanager
    def run(self, dtype: torch.dtype | None = None) -> Iterator[Copies]:
        """Where code runs there.

        ``torch.autocast`` would switch itself off without a driver, so that
        its state is set as it would set it.

        Args:
            dtype (torch.dtype, optional): Of autocast; None without.
        """
        torch.set_autocast_enabled('cuda', dtype is not None)
        if dtype is not None:
            torch.set_autocast_dtype('cuda', dtype)
        fast = torch.backends.mha.get_fastpath_enabled()
        torch.backends.mha.set_fastpath_enabled(False)  # asks for a driver
        try:
            self.mode.copies = Copies([], [])
            with self.mode:
                yield self.mode.copies
        finally:
            torch.backends.mha.set_fastpath_enabled(fast)
            torch.set_autocast_enabled('cuda', False)
            torch.clear_autocast_cache()


def tensors(node: Any) -> list[Tensor]:
    """All tensors in nested containers."""
    return [x for x in tree_flatten(node)[0] if isinstance(x, Tensor)]
