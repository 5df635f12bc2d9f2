"""Laplacian pyramids whose bands a small network weights: the default.

A rule by construction, so that few weights are enough: what is fused is
always a sum of the sources' own bands. How much of either goes into a pixel
of a band is what the network learns.
"""
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmfusion.registry import MODELS

from .base import BaseFuser

#: largest gain of a band; heads start at half of it, the plain sum
_MOST = 2.
#: brings bands to the range of images
_BAND_SCALE = 10.
#: variance of a band that counts as none
_FLAT = 1e-6


@MODELS.register_module()
class WeightedPyramidFuser(BaseFuser):
    """Sums the bands of both sources with gains of every pixel.

    From coarse to fine, two convolutions at each level see both sources,
    their bands, which of these is stronger and how far they agree, what is
    fused so far and the hidden maps of the coarser level. They give a gain
    from 0 to 2 for the band of either source. The coarsest level mixes the
    sources themselves and adds an offset; the finest band takes its gains
    from the level of half the size. No statistics of the whole image are
    used.

    Untrained it fuses, too: bands are added, bases averaged.

    Args:
        channels (Sequence[int]): Of the hidden maps, from half the size to
            the coarsest level; each level halves the size. Defaults to
            (12, 16, 16, 16), 20,000 weights.
        kwargs: See :class:`BaseFuser`.

    Raises:
        ValueError: If there are less than two levels.
    """

    def __init__(self, channels: Sequence[int] = (12, 16, 16, 16),
                 **kwargs) -> None:
        super().__init__(**kwargs)
        if len(channels) < 2:
            raise ValueError('Expected channels of two levels or more, got '
                             f'{tuple(channels)}.')
        self.size_divisor = 2**len(channels)
        # three convolutions and a doubling at each level, and one coarse pixel
        self.tile_overlap = 9 * self.size_divisor
        first, *middle, last = channels
        coarser = channels[1:]
        self.stages = nn.ModuleList([
            _Stage(9 + coarser[0], first, 4),
            *(_Stage(7 + more, width, 2)
              for width, more in zip(middle, coarser[1:], strict=True)),
            _Stage(2, last, 3)
        ])

    def fuse_luma(self, vis_luma: Tensor, ir: Tensor) -> Tensor:
        """Fuse luminance.

        Args:
            vis_luma (Tensor): (B, 1, H, W) in [0, 1].
            ir (Tensor): (B, 1, H, W) in [0, 1].

        Returns:
            Tensor: (B, 1, H, W); in [0, 1] but while training, where what
            leaves the range needs its gradient.
        """
        images = [torch.cat((ir, vis_luma), 1)]
        for _ in self.stages:
            images.append(F.avg_pool2d(images[-1], 2))
        bands = [
            image - _double(smaller)
            for image, smaller in zip(images, images[1:], strict=False)
        ]
        maps, hidden = self.stages[-1](images[-1])
        shares, offset = maps.split((2, 1), 1)
        fused = (shares.sigmoid() * images[-1]).sum(1, keepdim=True)
        fused = fused + torch.tanh(offset) / 2
        relations = [_relation(bands[0], 2), *map(_relation, bands[1:])]
        for level in range(len(self.stages) - 1, 0, -1):
            fused = _double(fused)
            seen = [
                images[level], _BAND_SCALE * bands[level], fused,
                _double(hidden), *relations[level - (level == 1):level + 1]
            ]
            maps, hidden = self.stages[level - 1](torch.cat(seen, 1))
            gains = _MOST * maps.sigmoid()
            fused = fused + _sum(gains[:, :2], bands[level])
        fused = _double(fused) + _sum(_double(gains[:, 2:]), bands[0])
        return fused if self.training or not self.clamp else fused.clamp(0, 1)


class _Stage(nn.Module):
    """Two convolutions and a head that starts at zero."""

    def __init__(self, in_channels: int, channels: int, maps: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(in_channels, channels, 3, padding=1)
        self.second = nn.Conv2d(channels, channels, 3, padding=1)
        self.head = nn.Conv2d(channels, maps, 3, padding=1)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Maps of the head and the hidden ones, (B, C, H, W) each."""
        hidden = F.relu(self.second(F.relu(self.first(x))))
        return self.head(hidden), hidden


def _relation(band: Tensor, shrink: int = 1) -> Tensor:
    """Which of two maps is stronger around a pixel, and their correlation.

    Args:
        band (Tensor): (B, 2, H, W).
        shrink (int): Factor by which the result is smaller.

    Returns:
        Tensor: (B, 2, H, W), -1 to 1 both, whatever the contrast.
    """
    one, two = band.split(1, 1)
    products = torch.cat((one * one, two * two, one * two), 1)
    if shrink > 1:
        products = F.avg_pool2d(products, shrink)
    products = F.avg_pool2d(products, 3, 1, 1)
    a, b = (products[:, :2] + _FLAT).sqrt().split(1, 1)
    return torch.cat(((a - b) / (a + b), products[:, 2:] / (a * b)), 1)


def _double(x: Tensor) -> Tensor:
    return F.interpolate(x, scale_factor=2, mode='bilinear')


def _sum(gains: Tensor, band: Tensor) -> Tensor:
    return (gains * band).sum(1, keepdim=True)
