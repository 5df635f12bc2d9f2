"""Maximum intensity loss: the brighter of two images, pixel by pixel."""
import torch
import torch.nn.functional as F
from torch import Tensor

from mmfusion.registry import MODELS

from .base import LumaLoss


def max_intensity_loss(fused: Tensor, first: Tensor, second: Tensor) -> Tensor:
    """L1 distance to the larger of both sources at each pixel.

    The intensity part of SeAFusion's content loss (Information Fusion 82,
    2022, pp. 28-42).

    Args:
        fused (Tensor): (B, 1, H, W).
        first (Tensor): (B, 1, H, W).
        second (Tensor): (B, 1, H, W).

    Returns:
        Tensor: Scalar.
    """
    return F.l1_loss(fused, torch.maximum(first, second))


@MODELS.register_module()
class MaxIntensityLoss(LumaLoss):
    """:func:`max_intensity_loss` of the luminances.

    Args:
        loss_weight (float): Factor of the loss.
    """

    def measure(self, fused: Tensor, vis: Tensor, ir: Tensor) -> Tensor:
        return max_intensity_loss(fused, vis, ir)
