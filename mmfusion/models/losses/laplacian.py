"""Laplacian gradient loss: the fused image keeps the brighter detail."""
import torch
import torch.nn.functional as F
from torch import Tensor

from mmfusion.models.layers import laplacian
from mmfusion.registry import MODELS

from .base import LumaLoss


def laplacian_loss(fused: Tensor, first: Tensor, second: Tensor) -> Tensor:
    """Squared distance of Laplacians to that of the brighter source.

    ``mean (G(F) - G(max(A, B)))^2``, ``G`` of
    :func:`~mmfusion.models.layers.laplacian` (MMDRFuse, ACM MM 2024, which
    weights it by 0.1).

    Args:
        fused (Tensor): (B, 1, H, W).
        first (Tensor): (B, 1, H, W).
        second (Tensor): (B, 1, H, W).

    Returns:
        Tensor: Scalar.
    """
    return F.mse_loss(laplacian(fused), laplacian(torch.maximum(first,
                                                                second)))


@MODELS.register_module()
class LaplacianLoss(LumaLoss):
    """:func:`laplacian_loss` of the luminances.

    Args:
        loss_weight (float): Factor of the loss.
    """

    def measure(self, fused: Tensor, vis: Tensor, ir: Tensor) -> Tensor:
        return laplacian_loss(fused, vis, ir)
