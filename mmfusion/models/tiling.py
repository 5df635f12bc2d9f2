"""Where overlapping tiles of an image lie, and how large they may be."""
import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from torch import nn

from mmfusion.utils.errors import UsageError

#: longest side of a tile, beside its overlaps, where these are small; larger
#: ones are not faster
_SIDE = 1024


class Span(NamedTuple):
    """A tile along one axis.

    Attributes:
        first (int): Where what the network sees begins.
        end (int): Where it ends.
        kept (tuple[int, int]): First and end of what is kept of it.
    """
    first: int
    end: int
    kept: tuple[int, int]

    @property
    def seen(self) -> slice:
        """What the network sees, of the image."""
        return slice(self.first, self.end)

    @property
    def core(self) -> slice:
        """What is kept, of what the network gave."""
        return slice(self.kept[0] - self.first, self.kept[1] - self.first)


class Tiling(NamedTuple):
    """How a model's images may be cut.

    Attributes:
        overlap (int): How far beyond its edge a tile is looked at, a
            multiple of ``step``.
        step (int): What places and sizes of tiles are multiples of.
        least (int): Shortest side of a tile.
        fixed (tuple[int, int], optional): Height and width of every tile,
            of a network that was exported for that size.
    """
    overlap: int
    step: int
    least: int
    fixed: tuple[int, int] | None = None

    def tile(self, size: Sequence[int], pixels: float) -> tuple[int, int]:
        """The largest tile that makes sense within a number of pixels.

        Args:
            size (sequence[int]): Height and width of the image.
            pixels (float): Most pixels of a tile.

        Returns:
            tuple[int, int]: Height and width; never below ``least``.
        """
        if self.fixed:
            return self.fixed
        most = max(_SIDE, 16 * self.overlap) + 2 * self.overlap
        width = self._side(size[1], min(most, math.sqrt(pixels)))
        return self._side(size[0], min(most, pixels / width)), width

    def _side(self, length: int, most: float) -> int:
        """Of tiles of equal length, as many as needed."""
        frame = 2 * self.overlap
        most = max(int(most) // self.step * self.step, self.least)
        if length <= most:
            return -(-length // self.step) * self.step
        count = -(-(length - frame) // (most - frame))
        side = -(-(length - frame) // count) + frame
        return max(-(-side // self.step) * self.step, self.least)

    def spans(self, length: int, tile: int) -> Iterator[Span]:
        """Cover an axis, from its begin to its end.

        Args:
            length (int): Of the axis, pixels.
            tile (int): Of the tiles; the last one may be shorter by less
                than a step, which the fuser pads.

        Raises:
            UsageError: If tiles of fixed size do not fit.
        """
        rest = length - tile
        if self.fixed and (rest < 0 or rest % self.step or
                           (rest and tile < 2 * self.overlap + self.step)):
            raise UsageError(
                f'Expected sides of {tile} pixels, or more by a multiple of '
                f'{self.step} where tiles are larger than twice their '
                f'overlap of {self.overlap}, for a network of fixed size, '
                f'got {length}. Export it with --dynamic.')
        last = max(-(-rest // self.step) * self.step, 0)
        kept = first = 0
        while first < last:
            end = first + tile
            yield Span(first, end, (kept, end - self.overlap))
            kept = end - self.overlap
            first = min((kept - self.overlap) // self.step * self.step, last)
        yield Span(last, min(last + tile, length), (kept, length))


def tiling_of(model: nn.Module) -> Tiling | None:
    """How a wrapper's images may be cut; None if they may not be.

    Args:
        model (nn.Module): ``ImageFuser``, ``FuserSegmenter``, ...
    """
    fuser = model.fuser
    overlap = getattr(fuser, 'tile_overlap', None)
    if (overlap is None or model.registration is not None
            or model.output_policy.norm not in ('clamp', 'none')):
        return None
    step = math.lcm(fuser.size_divisor, fuser.tile_step,
                    getattr(model.data_preprocessor, 'size_divisor', 1))
    overlap = -(-overlap // step) * step
    least = max(2 * overlap + step, fuser.min_size + step)
    return Tiling(overlap, step, -(-least // step) * step,
                  getattr(fuser, 'tile_size', None))
