"""Running local operations strip by strip, to save memory and time."""
from collections.abc import Callable

import torch
from torch import Tensor

#: Pixels of a strip. glibc maps blocks above 32 MiB anew on every request,
#: and the page faults cost as much as a small convolution. A strip of 64
#: channels in float32 stays below.
STRIP_PIXELS = 76800


def run_in_strips(function: Callable[..., Tensor], *inputs: Tensor,
                  halo: int = 0, out: Tensor | None = None) -> Tensor:
    """Apply a local operation to horizontal strips of its inputs.

    The result equals ``function(*inputs)``. On a GPU, and for small images,
    that is what is called.

    Args:
        function (callable): Maps (B, C_i, H_i, W_i), all of which cover the
            same field at possibly different scales, to (B, C, H', W'). A
            row of the result must not depend on inputs further than
            ``halo`` away, and not on the position.
        inputs (Tensor): Heights must be multiples of the smallest one.
        halo (int): Rows of the *smallest* input on either side.
        out (Tensor, optional): Where to write the result. May be one of the
            inputs if ``halo`` is 0.

    Returns:
        Tensor: ``out``, or a new tensor in channels-last memory format.
    """
    batch, _, _, width = max(inputs, key=lambda x: x.shape[2]).shape
    height = min(x.shape[2] for x in inputs)
    scales = [x.shape[2] // height for x in inputs]
    rows = max(STRIP_PIXELS // (batch * width * max(scales)), 1 + halo)
    if rows >= height or inputs[0].device.type != 'cpu':
        result = function(*inputs)
        return result if out is None else out.copy_(result)
    for first in range(0, height, rows):
        last = min(first + rows, height)
        low, high = max(first - halo, 0), min(last + halo, height)
        strip = function(*(x[:, :, low * scale:high * scale]
                           for x, scale in zip(inputs, scales, strict=True)))
        scale = strip.shape[2] // (high - low)
        if out is None:
            out = torch.empty(
                (batch, strip.shape[1], height * scale, strip.shape[3]),
                dtype=strip.dtype, device=strip.device,
                memory_format=torch.channels_last)
        out[:, :, first * scale:last *
            scale] = strip[:, :, (first - low) * scale:(last - low) * scale]
    return out
