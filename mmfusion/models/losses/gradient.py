"""Gradient loss: the fused image keeps the stronger edge of the two."""
import torch
import torch.nn.functional as F
from torch import Tensor

from mmfusion.models.layers import sobel
from mmfusion.registry import MODELS

from .base import LumaLoss


def max_gradient_loss(fused: Tensor, first: Tensor,
                      second: Tensor) -> Tensor:
    """L1 distance to the larger source gradient, per direction.

    ``mean |max(|Sx A|, |Sx B|) - |Sx F||`` plus the same for ``Sy``, with
    :func:`~mmfusion.models.layers.sobel` and zero padding (PSFusion,
    Information Fusion 99, 101870).

    Args:
        fused (Tensor): (B, 1, H, W).
        first (Tensor): (B, 1, H, W).
        second (Tensor): (B, 1, H, W).

    Returns:
        Tensor: Scalar.
    """
    return sum(
        F.l1_loss(f.abs(), torch.maximum(a.abs(), b.abs()))
        for f, a, b in zip(
            sobel(fused), sobel(first), sobel(second), strict=True))


@MODELS.register_module()
class GradientLoss(LumaLoss):
    """:func:`max_gradient_loss` of the luminances.

    Args:
        loss_weight (float): Factor of the loss.
    """

    def measure(self, fused: Tensor, vis: Tensor, ir: Tensor) -> Tensor:
        return max_gradient_loss(fused, vis, ir)
