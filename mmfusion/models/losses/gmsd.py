"""GMSD loss: the fused image keeps the gradients of both sources."""
from torch import Tensor

from mmfusion.functional.gradient_similarity import gradient_deviation
from mmfusion.registry import MODELS

from .base import LumaLoss
from .ssim import as_images


def gmsd_loss(fused: Tensor, first: Tensor, second: Tensor) -> Tensor:
    """Mean gradient magnitude similarity deviation to both sources.

    That of the metric ``GMSD`` (Xue et al., IEEE TIP 23, 2014), computed in
    float32 at least, also under autocast.

    Args:
        fused (Tensor): (B, 1, H, W) in [0, 1], sides of at least 8.
        first (Tensor): (B, 1, H, W) in [0, 1].
        second (Tensor): (B, 1, H, W) in [0, 1].

    Returns:
        Tensor: Scalar, 0 (best) to about 0.5, the mean over images.

    Raises:
        ValueError: If an image is too small.
    """
    if min(fused.shape[-2:]) < 8:
        raise ValueError('Expected images of 8 pixels or more a side, got '
                         f'{tuple(fused.shape[-2:])}.')
    image, one, two = as_images(fused, first, second, scale=255)
    return (gradient_deviation(image, one) +
            gradient_deviation(image, two)).mean() / 2


@MODELS.register_module()
class GMSDLoss(LumaLoss):
    """:func:`gmsd_loss` of the luminances."""
    measure = staticmethod(gmsd_loss)
