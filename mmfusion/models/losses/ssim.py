"""SSIM loss: the fused image keeps the structure of both sources."""
from collections.abc import Sequence

import torch
from torch import Tensor

from mmfusion.functional.image import Image
from mmfusion.functional.ops_torch import TORCH
from mmfusion.functional.ssim import GAUSS11, SSIMForm, mean_ssim
from mmfusion.registry import MODELS
from mmfusion.utils.errors import check_choice

from .base import LumaLoss


def ssim_loss(
    fused: Tensor, first: Tensor, second: Tensor,
    window_size: int = GAUSS11.size, sigma: float | None = GAUSS11.sigma,
    data_range: float = 1., weights: Sequence[float] = (1., 1.)) -> Tensor:
    """One less the weighted mean of the SSIM with both sources.

    ``1 - (w_1 SSIM(F, A) + w_2 SSIM(F, B)) / (w_1 + w_2)``, where SSIM is
    the metric of that name (Wang et al. 2004; full windows alone). Computed
    in float32 at least, also under autocast.

    Args:
        fused (Tensor): F, (B, 1, H, W).
        first (Tensor): A, (B, 1, H, W).
        second (Tensor): B, (B, 1, H, W).
        window_size (int): Side of the window, pixels, odd. Defaults to 11.
        sigma (float, optional): Standard deviation of the Gaussian window,
            pixels; None for equal weights. Defaults to 1.5.
        data_range (float): Largest possible value of an image. Defaults
            to 1.
        weights (sequence[float]): Of both sources, of any sum.

    Returns:
        Tensor: Scalar in [0, 2], the mean over images.

    Raises:
        ValueError: If an image is smaller than the window.

    Examples:
        >>> image = torch.rand(1, 1, 16, 16)
        >>> round(ssim_loss(image, image, image).item(), 5)
        0.0
    """
    if min(fused.shape[-2:]) < window_size:
        raise ValueError(
            f'Expected images of {window_size} pixels or more a side, got '
            f'{tuple(fused.shape[-2:])}. Set a smaller window_size.')
    form = SSIMForm(window_size, sigma, data_range=data_range)
    image, one, two = as_images(fused, first, second)
    similarity = (weights[0] * mean_ssim(image, one, form) +
                  weights[1] * mean_ssim(image, two, form)) / sum(weights)
    return 1 - similarity.mean()


def as_images(*images: Tensor, scale: float = 1) -> list[Image]:
    """What the metrics compare, of luminances (B, 1, H, W).

    In float32 at least: variances are differences of large numbers.
    """
    return [
        Image(scale * x[:, 0].to(torch.promote_types(x.dtype, torch.float32)),
              TORCH) for x in images
    ]


@MODELS.register_module()
class SSIMLoss(LumaLoss):
    """:func:`ssim_loss` of the luminances.

    Args:
        window_size (int): See :func:`ssim_loss`.
        sigma (float, optional): See :func:`ssim_loss`.
        data_range (float): See :func:`ssim_loss`.
        vis_weight (float): Weight of the visible image.
        ir_weight (float): Weight of the infrared image.
        target (str): ``'sources'``, or ``'max'``: their maximum at each
            pixel takes the place of both, as DATFuse has it.
        loss_weight (float): Factor of the loss.

    Raises:
        ValueError: For an even window, a sigma or range that is not
            positive, weights that are negative or all zero, and another
            target.
    """

    def __init__(self, window_size: int = GAUSS11.size,
                 sigma: float | None = GAUSS11.sigma, data_range: float = 1.,
                 vis_weight: float = 1., ir_weight: float = 1.,
                 target: str = 'sources', loss_weight: float = 1.0) -> None:
        super().__init__(loss_weight)
        check_choice(('sources', 'max'), target=target)
        if window_size < 1 or window_size % 2 == 0:
            raise ValueError(
                f'Expected an odd window_size, got {window_size}.')
        for name, value in dict(sigma=sigma, data_range=data_range).items():
            if value is not None and value <= 0:
                raise ValueError(f'Expected {name} above 0, got {value}.')
        self.weights = vis_weight, ir_weight
        if min(self.weights) < 0 or not sum(self.weights):
            raise ValueError(
                'Expected vis_weight and ir_weight of 0 or more, and not '
                f'both 0, got {self.weights}.')
        self.window_size = window_size
        self.sigma = sigma
        self.data_range = data_range
        self.target = target

    def measure(self, fused: Tensor, vis: Tensor, ir: Tensor) -> Tensor:
        if self.target == 'max':
            vis = ir = torch.maximum(vis, ir)
        return ssim_loss(fused, vis, ir, self.window_size, self.sigma,
                         self.data_range, self.weights)
