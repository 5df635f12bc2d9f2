"""Fusion rules without parameters, to compare learned fusers with.

They train nothing: with one of them, ``FuserSegmenter`` is the plain
segmentor on one modality, or on a fixed mixture of both.
"""
from functools import reduce

import torch
import torch.nn.functional as F
from torch import Tensor

from mmfusion.registry import MODELS
from mmfusion.structures import FuserOutput
from mmfusion.utils.constants import constant
from mmfusion.utils.errors import UsageError

from .base import BaseFuser


@MODELS.register_module()
class SelectModality(BaseFuser):
    """Shows one modality and ignores the other.

    Args:
        modality (str): ``'vis'`` gives the visible image unchanged,
            ``'ir'`` the infrared one as grey RGB.
        kwargs: See :class:`BaseFuser`.

    Raises:
        ValueError: If ``modality`` is neither.
    """
    tile_overlap = 0

    def __init__(self, modality: str = 'vis', **kwargs) -> None:
        super().__init__(**kwargs)
        if modality not in ('vis', 'ir'):
            raise ValueError(
                f"Expected modality 'vis' or 'ir', got {modality!r}.")
        self.modality = modality

    def fuse(self, vis: Tensor, ir: Tensor) -> FuserOutput:
        """``fused`` is the chosen image; ``luma`` its luminance."""
        if self.modality == 'ir':
            return FuserOutput(ir.expand(-1, 3, -1, -1), ir)
        return FuserOutput(vis, self.split_colour(vis)[0])


@MODELS.register_module()
class AverageFuser(BaseFuser):
    """Weighted mean of the luminances; colour from the visible image.

    Args:
        weights (tuple[float, ...], optional): Of the visible luminance, the
            infrared one and further ones. Defaults to equal shares.
        kwargs: See :class:`BaseFuser`.

    Raises:
        ValueError: If the weights are negative or do not add up to 1.
    """
    max_sources = None
    tile_overlap = 0

    def __init__(self, weights: tuple[float, ...] | None = None,
                 **kwargs) -> None:
        super().__init__(**kwargs)
        if weights is not None:
            if (len(weights) < 2 or min(weights) < 0
                    or abs(sum(weights) - 1) > 1e-6):
                raise ValueError('Expected weights of two sources or more, of '
                                 'at least 0, that add up to 1, got '
                                 f'{weights}.')
            self.max_sources = len(weights)
        self.weights = weights

    def fuse_luma(self, vis_luma: Tensor, ir: Tensor, *more: Tensor) -> Tensor:
        """Mean luminance (B, 1, H, W)."""
        images = (vis_luma, ir, *more)
        weights = self.weights or (1 / len(images), ) * len(images)
        if len(weights) > len(images):
            raise UsageError(f'AverageFuser has weights of {len(weights)} '
                             f'sources, got {len(images)}. Set its weights.')
        return sum(w * x for w, x in zip(weights, images, strict=True))


@MODELS.register_module()
class MaximumFuser(BaseFuser):
    """The largest of the luminances; colour from the visible image.

    Args:
        kwargs: See :class:`BaseFuser`.
    """
    max_sources = None
    tile_overlap = 0

    def fuse_luma(self, vis_luma: Tensor, ir: Tensor, *more: Tensor) -> Tensor:
        """Pixelwise maximum (B, 1, H, W)."""
        return reduce(torch.maximum, (vis_luma, ir, *more))


@MODELS.register_module()
class LaplacianPyramidFuser(BaseFuser):
    """Laplacian pyramids: the stronger detail, the mean of the base.

    Burt & Adelson, "The Laplacian Pyramid as a Compact Image Code", IEEE
    Trans. Communications 1983, with their kernel of a = 0.4. Borders are
    replicated. What leaves [0, 1] is clamped, as the base class says.

    Args:
        levels (int): Levels of detail; each halves the resolution. Defaults
            to 4.
        kwargs: See :class:`BaseFuser`.

    Raises:
        ValueError: If ``levels`` is below 1.
    """
    KERNEL = (0.05, 0.25, 0.4, 0.25, 0.05)
    max_sources = None

    def __init__(self, levels: int = 4, **kwargs) -> None:
        super().__init__(**kwargs)
        if levels < 1:
            raise ValueError(f'Expected levels of at least 1, got {levels}.')
        self.levels = levels
        self.tile_step = 2**levels
        self.tile_overlap = 4 * self.tile_step

    def fuse_luma(self, vis_luma: Tensor, ir: Tensor, *more: Tensor) -> Tensor:
        """Fused luminance (B, 1, H, W)."""
        pyramids = [self.decompose(image) for image in (vis_luma, ir, *more)]
        image = sum(base for _, base in pyramids) / len(pyramids)
        details = [reversed(levels) for levels, _ in pyramids]
        for level in zip(*details, strict=True):
            detail = reduce(
                lambda one, two: torch.where(one.abs() >= two.abs(), one, two),
                level)
            image = self.expand(image, detail.shape[-2:]) + detail
        return image.clamp(0, 1) if self.clamp else image

    def decompose(self, image: Tensor) -> tuple[list[Tensor], Tensor]:
        """Details from fine to coarse, and the base (B, 1, h, w)."""
        details = []
        for _ in range(self.levels):
            smaller = self.reduce(image)
            details.append(image - self.expand(smaller, image.shape[-2:]))
            image = smaller
        return details, image

    def reduce(self, image: Tensor) -> Tensor:
        """Smooth (B, 1, H, W) and keep every second pixel, from the first."""
        kernel = constant(self.KERNEL, image)
        image = F.pad(image, (2, ) * 4, mode='replicate')
        image = F.conv2d(image, kernel.view(1, 1, 1, 5), stride=(1, 2))
        return F.conv2d(image, kernel.view(1, 1, 5, 1), stride=(2, 1))

    def expand(self, image: Tensor, size: tuple[int, int]) -> Tensor:
        """Interpolate (B, 1, h, w) to ``size``, at most (2 h, 2 w)."""
        # Twice the kernel, as every second pixel of either axis is empty.
        kernel = 2 * constant(self.KERNEL, image)
        image = F.pad(image, (1, ) * 4, mode='replicate')
        image = F.conv_transpose2d(image, kernel.view(1, 1, 1, 5),
                                   stride=(1, 2))
        image = F.conv_transpose2d(image, kernel.view(1, 1, 5, 1),
                                   stride=(2, 1))
        # The replicated pixel and half of the kernel lie before the image.
        return image[..., 4:4 + size[0], 4:4 + size[1]]


@MODELS.register_module()
class GuidedFilterFuser(BaseFuser):
    """Two scales, weighted by saliency that follows the images' edges.

    Li, Kang & Hu, "Image Fusion with Guided Filtering", IEEE Trans. Image
    Processing 2013 (GFF), with their parameters, for luminance in [0, 1].
    Means near the border are those of the pixels that exist. Weights are
    clamped at 0 before they are made to add up to 1.

    Args:
        base_radius (int): Radius of the mean filter that takes the base.
        saliency_radius (int): Radius and standard deviation of the Gaussian
            over the Laplacian's magnitude.
        radii (tuple[int, int]): Of the guided filters for the weights of
            base and detail.
        regularization (tuple[float, float]): Their epsilons.
        kwargs: See :class:`BaseFuser`.

    Raises:
        ValueError: If a radius is below 1 or an epsilon not positive.
    """
    max_sources = None

    def __init__(self, base_radius: int = 15, saliency_radius: int = 5,
                 radii: tuple[int, int] = (45, 7),
                 regularization: tuple[float,
                                       float] = (0.3, 1e-6), **kwargs) -> None:
        super().__init__(**kwargs)
        if min(base_radius, saliency_radius, *radii) < 1:
            raise ValueError('Expected radii of at least 1, got '
                             f'{(base_radius, saliency_radius, *radii)}.')
        if min(regularization) <= 0:
            raise ValueError('Expected a positive regularization, got '
                             f'{tuple(regularization)}.')
        self.base_radius = base_radius
        self.saliency_radius = saliency_radius
        self.radii = tuple(radii)
        self.regularization = tuple(regularization)
        # each weight is smoothed twice, the saliency it begins with once
        self.tile_overlap = max(2 * max(self.radii) + saliency_radius + 1,
                                base_radius)

    def fuse_luma(self, vis_luma: Tensor, ir: Tensor, *more: Tensor) -> Tensor:
        """Fused luminance (B, 1, H, W)."""
        # One channel a source: every filter runs over all at once.
        images = torch.cat((vis_luma, ir, *more), 1)
        base = box_mean(images, self.base_radius)
        saliency = self.saliency(images)
        chosen = (saliency == saliency.amax(1, keepdim=True)).to(images)
        fused = 0.
        for layer, radius, epsilon in zip((base, images - base), self.radii,
                                          self.regularization, strict=True):
            weights = guided_filter(chosen, images, radius, epsilon)
            weights = weights.clamp(min=0) + 1e-6
            weights = weights / weights.sum(1, keepdim=True)
            fused = fused + (weights * layer).sum(1, keepdim=True)
        return fused.clamp(0, 1) if self.clamp else fused

    def saliency(self, images: Tensor) -> Tensor:
        """Smoothed magnitude of the Laplacian, (B, C, H, W)."""
        padded = F.pad(images, (1, ) * 4, mode='replicate')
        # Differences first: exactly zero where the image is flat.
        laplacian = sum(padded[..., top:top + images.shape[2],
                               left:left + images.shape[3]] - images
                        for top, left in ((0, 1), (2, 1), (1, 0), (1, 2)))
        radius = self.saliency_radius
        steps = torch.arange(-radius, radius + 1,
                             device=images.device).to(images)
        kernel = torch.exp(-(steps / radius)**2 / 2)
        kernel = kernel / kernel.sum()
        channels = images.shape[1]
        smooth = F.pad(laplacian.abs(), (radius, ) * 4, mode='replicate')
        for shape in ((1, -1), (-1, 1)):
            smooth = F.conv2d(
                smooth,
                kernel.view(1, 1, *shape).expand(channels, -1, -1, -1),
                groups=channels)
        return smooth


def box_mean(images: Tensor, radius: int) -> Tensor:
    """Mean of the existing pixels of a square window.

    Args:
        images (Tensor): (B, C, H, W).
        radius (int): The window's side is ``2 * radius + 1``.

    Returns:
        Tensor: (B, C, H, W).
    """
    for kernel, padding in (((1, 2 * radius + 1), (0, radius)),
                            ((2 * radius + 1, 1), (radius, 0))):
        images = F.avg_pool2d(images, kernel, 1, padding,
                              count_include_pad=False)
    return images


def guided_filter(images: Tensor, guide: Tensor, radius: int,
                  epsilon: float) -> Tensor:
    """Smooth images along the edges of grey guides.

    He, Sun & Tang, "Guided Image Filtering", ECCV 2010.

    Args:
        images (Tensor): (B, C, H, W).
        guide (Tensor): (B, C, H, W) in [0, 1], one for each channel.
        radius (int): Radius of the square windows.
        epsilon (float): Variance of the guide below which a window is
            smoothed.

    Returns:
        Tensor: (B, C, H, W).
    """
    # A constant changes nothing but the rounding of the variance.
    guide = guide - guide.mean((2, 3), keepdim=True)
    mean_guide, mean_image = box_mean(guide, radius), box_mean(images, radius)
    variance = box_mean(guide * guide, radius) - mean_guide * mean_guide
    covariance = box_mean(guide * images, radius) - mean_guide * mean_image
    slope = covariance / (variance.clamp(min=0) + epsilon)
    offset = mean_image - slope * mean_guide
    return box_mean(slope, radius) * guide + box_mean(offset, radius)
