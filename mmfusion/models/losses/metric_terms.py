"""Metrics of fused images in a form that has useful gradients.

Of a batch (B, 1, H, W) of luminances in [0, 1], crops of the images that the
metrics measure. What counts levels counts soft ones, what is not smooth is
replaced by what falls and rises with it. Lower is better throughout.
"""
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, cached_property

import torch
import torch.nn.functional as F
from torch import Tensor

from mmfusion.functional.ssim import GAUSS11 as FORM
from mmfusion.functional.windows import window
from mmfusion.models.layers import sobel

from .correlation import correlation

_TINY = 1e-8
#: as ``VIF``: sides of the windows, variance of the noise of the eye
_SIDES, _NOISE = (17, 9, 5, 3), 2.
#: as ``Qabf``: largest value, slopes and centres of strength and alignment
_LARGEST, _STRENGTH, _ALIGNMENT = 0.9994 * 0.9879, (15., 0.5), (22., 0.8)
_BINS = 32


@dataclass(frozen=True)
class Triple:
    """A fused luminance and its sources; what is shared is computed once.

    Attributes:
        fused (Tensor): (B, 1, H, W) in [0, 1] or a little outside.
        vis (Tensor): Likewise, in [0, 1].
        ir (Tensor): Likewise.
    """
    fused: Tensor
    vis: Tensor
    ir: Tensor

    @property
    def sources(self) -> tuple[Tensor, Tensor]:
        """Infrared first, as the metrics take them."""
        return self.ir, self.vis

    @cached_property
    def stacked(self) -> Tensor:
        """(3, B, H, W) in float32: fused, ir, vis."""
        return torch.stack((self.fused, *self.sources))[:, :, 0].float()

    @cached_property
    def edges(self) -> list[tuple[Tensor, Tensor, Tensor]]:
        """Sobel derivatives and their length: fused, ir, vis."""
        return [_edges(image) for image in (self.fused, *self.sources)]


def _edges(image: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    along, down = sobel(image, 'replicate')
    return along, down, _length(along, down)


def _length(along: Tensor, down: Tensor) -> Tensor:
    return (along.square() + down.square() + _TINY).sqrt()


def entropy(triple: Triple) -> Tensor:
    """Less the bits of soft levels (``EN``)."""
    share = _soft_levels(triple.fused).mean(1)
    return -_bits(share).mean()


def mutual_information(triple: Triple) -> Tensor:
    """Less the bits shared with the sources (``MI``)."""
    ours, *theirs = map(_soft_levels, (triple.fused, *triple.sources))
    total = 0.
    for source in theirs:
        joint = ours.transpose(1, 2) @ source / ours.shape[1]
        shared = (_bits(joint.sum(1)) + _bits(joint.sum(2)) -
                  _bits(joint.flatten(1)))
        total = total - shared.mean()
    return total


def _soft_levels(image: Tensor) -> Tensor:
    """Share of every ninth pixel in two neighbouring levels, (B, N, K)."""
    values = image[..., ::3, ::3].flatten(1).clamp(0, 1) * (_BINS - 1)
    levels = torch.arange(_BINS, dtype=image.dtype, device=image.device)
    return (1 - (values[..., None] - levels).abs()).clamp(min=0)


def _bits(share: Tensor) -> Tensor:
    return -(share * (share + _TINY).log2()).sum(-1)


def deviation(triple: Triple) -> Tensor:
    """Less the logarithm of the contrast (``SD``)."""
    return -triple.fused.flatten(1).std(1).mean().clamp(min=_TINY).log()


def frequency(triple: Triple) -> Tensor:
    """Less the logarithm of the spatial frequency (``SF``)."""
    power = sum(
        torch.diff(triple.fused, dim=axis).square().mean() for axis in (2, 3))
    return -(power + _TINY).log() / 2


def sharpness(triple: Triple) -> Tensor:
    """Less the logarithm of the mean gradient (``AG``)."""
    return -triple.edges[0][2].mean().log()


def difference_correlation(triple: Triple) -> Tensor:
    """Less the sum of the correlations of differences (``SCD``)."""
    fused, ir, vis = triple.fused, triple.ir, triple.vis
    return -(correlation(fused - vis, ir, per_image=True) +
             correlation(fused - ir, vis, per_image=True)).mean()


def mean_correlation(triple: Triple) -> Tensor:
    """Less the mean correlation with the sources (``CC``)."""
    return -sum(
        correlation(triple.fused, source, per_image=True).mean()
        for source in triple.sources) / 2


def squared_error(triple: Triple) -> Tensor:
    """Mean squared distance to the sources (``MSE``, ``PSNR``)."""
    return sum(F.mse_loss(triple.fused, source)
               for source in triple.sources) / 2


def structure(triple: Triple) -> Tensor:
    """Less the sum of the similarities, of every second window (``SSIM``)."""
    means, own, theirs, shared = _moments(255 * triple.stacked, 11, 1.5, 2)
    return -sum(
        (_likeness(means[0] *
                   mean, means[0]**2, mean**2, FORM.luminance_constant) *
         _likeness(both, own, its, FORM.contrast_constant)).mean()
        for mean, its, both in zip(means[1:], theirs, shared, strict=True))


def coarse_structure(triple: Triple) -> Tensor:
    """Less the sum of contrast and structure at an eighth of the size, down
    to a half (``MS_SSIM``)."""
    images, total, levels = 255 * triple.stacked, 0., 0
    while levels < 3 and min(images.shape[-2:]) >= 2 * FORM.size:
        images, levels = F.avg_pool2d(images, 2), levels + 1
        _, own, theirs, shared = _moments(images, 11, 1.5)
        total = total - sum(
            _likeness(both, own, its, FORM.contrast_constant).mean()
            for its, both in zip(theirs, shared, strict=True))
    return total / max(levels, 1)


def _likeness(product: Tensor, one: Tensor, two: Tensor,
              constant: float) -> Tensor:
    return (2 * product + constant) / (one + two + constant)


def fidelity(triple: Triple) -> Tensor:
    """Less the sum of the shares of information kept (``VIF``).

    Of every fourth window of the first scale along either axis, of every
    second one of the next.
    """
    images = 255 * triple.stacked
    kept = given = 0.
    for scale, side in enumerate(_SIDES):
        if scale:
            images = _smooth(images, side, side / 5, 2)
        step = max(4 >> scale, 1)
        _, own, theirs, shared = _moments(images, side, side / 5, step)
        gain = shared.clamp(min=0) / (theirs + 1e-2)
        rest = (own - gain * shared).clamp(min=0)
        share = step**2  # windows that one stands for
        kept = kept + share * (1 + gain**2 * theirs /
                               (rest + _NOISE)).log().sum((-2, -1))
        given = given + share * (1 + theirs / _NOISE).log().sum((-2, -1))
    return -(kept / (given + 1.)).sum(0).mean()


def _moments(images: Tensor, side: int, sigma: float,
             step: int = 1) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Under Gaussian windows: means (3, ...), variance of the fused image
    (...), those of the sources (2, ...), its covariances with them."""
    products = torch.cat((images**2, images[:1] * images[1:]))
    both = _smooth(torch.cat((images, products)), side, sigma, step)
    means, squares, products = both.split((3, 3, 2))
    variances = (squares - means**2).clamp(min=0)
    return means, variances[0], variances[1:], products - means[:1] * means[1:]


def _smooth(images: Tensor, side: int, sigma: float, step: int) -> Tensor:
    """Means of the full windows of (..., H, W), every ``step`` pixels."""
    rows, columns = (_windows(size, side, sigma, step)
                     for size in images.shape[-2:])
    rows, columns = (table.to(images, non_blocking=True)
                     for table in (rows, columns))
    return rows @ (images @ columns.T)


@cache
def _windows(size: int, side: int, sigma: float, step: int) -> Tensor:
    """Each full window of a line as a row; of crops a product is quickest."""
    line = torch.tensor(window(side, sigma))
    firsts = range(0, size - side + 1, step)
    table = torch.zeros(len(firsts), size)
    for row, first in zip(table, firsts, strict=True):
        row[first:first + side] = line
    return table


def edge_preservation(triple: Triple) -> Tensor:
    """Less the share of the sources' edges kept (``Qabf``)."""
    (along, down, strength), *sources = triple.edges
    kept = total = 0.
    for its_along, its_down, its_strength in sources:
        relative = torch.minimum(strength, its_strength) / torch.maximum(
            strength, its_strength)
        dot = (along * its_along + down * its_down).abs()
        cross = (along * its_down - down * its_along).abs()
        aligned = 1 - torch.atan2(cross, dot + 1e-6) * (2 / torch.pi)
        quality = _LARGEST * torch.sigmoid(
            _STRENGTH[0] * (relative - _STRENGTH[1])) * torch.sigmoid(
                _ALIGNMENT[0] * (aligned - _ALIGNMENT[1]))
        kept = kept + (quality * its_strength).sum((1, 2, 3))
        total = total + its_strength.sum((1, 2, 3))
    return -(kept / total).mean()


def artefacts(triple: Triple) -> Tensor:
    """Gradient beyond that of both sources, as a share of theirs
    (``Nabf``)."""
    ours, *theirs = (strength for *_, strength in triple.edges)
    given = torch.maximum(*theirs)
    return F.relu(ours - given).mean() / given.mean()


def out_of_range(triple: Triple) -> Tensor:
    """Mean distance to [0, 1]; no metric."""
    return (triple.fused - triple.fused.clamp(0, 1)).abs().mean()


#: by the names of the metrics
TERMS: dict[str, Callable[[Triple], Tensor]] = dict(
    EN=entropy, SD=deviation, SF=frequency, AG=sharpness,
    MI=mutual_information, SCD=difference_correlation, CC=mean_correlation,
    VIF=fidelity, Qabf=edge_preservation, Nabf=artefacts, SSIM=structure,
    MS_SSIM=coarse_structure, MSE=squared_error, range=out_of_range)
