"""Running local operations over bands of rows, to save memory and time.

A map of 32 channels at 480x640 takes 39 MB, which the C library returns to
the system and faults in again on every request, at the cost of a small
convolution. Here a chain of layers runs over a band of rows at a time, so
that what lies between them stays small. On a GPU there is one band, the
whole image.
"""
from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

#: bytes of the widest map of a band; measured, flat between half and twice
BUDGET = 8 * 2**20


class Rows(NamedTuple):
    """Rows ``first`` to ``end`` of an image of ``height`` rows."""
    first: int
    end: int
    height: int

    def widen(self, halo: int) -> 'Rows':
        """With ``halo`` more rows on either side, where there are some."""
        return Rows(max(self.first - halo, 0), min(self.end + halo,
                                                   self.height), self.height)

    def of(self, x: Tensor, scale: int = 1) -> Tensor:
        """These rows of a map (B, C, ``scale * height``, W)."""
        return x[:, :, self.first * scale:self.end * scale]

    def within(self, wide: 'Rows', x: Tensor, scale: int = 1) -> Tensor:
        """These rows of a map that holds the rows ``wide``."""
        return x[:, :, (self.first - wide.first) *
                 scale:(self.end - wide.first) * scale]


def bands(like: Tensor, channels: int | None = None, halo: int = 0,
          height: int | None = None) -> list[Rows]:
    """Cover an image by equal bands, of which only the last may be lower.

    Args:
        like (Tensor): (B, C, H, W): gives size, type and device.
        channels (int, optional): Of the widest map formed; by default C.
        halo (int): Rows that a band needs beside its own; bands are not
            made thinner than they make sense.
        height (int, optional): Rows to divide H into; H by default.

    Returns:
        list[Rows]: From top to bottom; a single one off the CPU.
    """
    height = height or like.shape[2]
    channels = channels or like.shape[1]
    row = like[0, 0].numel() // height * like.shape[0] * channels
    step = max(BUDGET // (row * like.element_size()), 2 * halo, 2)
    if like.device.type != 'cpu':
        step = height
    step = -(-height // -(-height // step))
    return [
        Rows(first, min(first + step, height), height)
        for first in range(0, height, step)
    ]


def join(parts: Sequence[Rows], make: Callable[[Rows], Tensor],
         out: Tensor | None = None) -> Tensor:
    """Put a map together from bands.

    Args:
        parts (sequence[Rows]): See :func:`bands`.
        make (callable): From ``Rows`` to (B, C, h, W), the same multiple of
            their number high.
        out (Tensor, optional): Where to write the result.

    Returns:
        Tensor: ``out``, or a new map in channels-last memory format.
    """
    for rows in parts:
        band = make(rows)
        if out is None and len(parts) == 1:
            return band
        scale = band.shape[2] // (rows.end - rows.first)
        if out is None:
            batch, channels, _, width = band.shape
            out = torch.empty((batch, channels, rows.height * scale, width),
                              dtype=band.dtype, device=band.device,
                              memory_format=torch.channels_last)
        rows.of(out, scale).copy_(band)
    return out


def by_rows(function: Callable[..., Tensor], *inputs: Tensor, halo: int = 0,
            channels: int | None = None, out: Tensor | None = None) -> Tensor:
    """``function(*inputs)``, band by band.

    Args:
        function (callable): Maps (B, C_i, H_i, W_i), all of which cover the
            same field at possibly different scales, to (B, C, H', W'). A
            row of the result must not depend on inputs further than
            ``halo`` away, and not on the position.
        inputs (Tensor): Heights must be multiples of the smallest one.
        halo (int): Rows of the *smallest* input on either side.
        channels (int, optional): Of the widest map at the largest scale;
            by default that of the largest input.
        out (Tensor, optional): Where to write the result. May be one of the
            inputs if ``halo`` is 0.

    Returns:
        Tensor: See :func:`join`.
    """
    height = min(x.shape[2] for x in inputs)
    largest = max(inputs, key=lambda x: x.shape[2:].numel() * x.shape[1])

    def make(rows: Rows) -> Tensor:
        wide = rows.widen(halo)
        band = function(*(wide.of(x, x.shape[2] // height) for x in inputs))
        scale = band.shape[2] // (wide.end - wide.first)
        return rows.within(wide, band, scale)

    return join(bands(largest, channels, halo, height), make, out)
