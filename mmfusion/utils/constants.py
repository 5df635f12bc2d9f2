"""Numbers on a device that does not wait for them."""
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor


def constant(values: Sequence[Any], like: Tensor) -> Tensor:
    """Nested numbers as a tensor.

    Unlike ``like.new_tensor(values)``, which lets the processor wait until
    a GPU has done all that it was given before.

    Args:
        values (sequence): Numbers, or sequences of as many.
        like (Tensor): Gives type and device.

    Returns:
        Tensor: Of the shape of ``values``.
    """
    # from memory that is not pinned, a copy is taken at once
    return torch.tensor(values, dtype=like.dtype).to(like.device,
                                                     non_blocking=True)
