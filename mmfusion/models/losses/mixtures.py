"""Distances of the fused image to both sources or a mixture of them."""
import torch
import torch.nn.functional as F
from torch import Tensor

from mmfusion.models.layers import laplacian
from mmfusion.registry import MODELS

from .base import LumaLoss


def average_loss(fused: Tensor, first: Tensor, second: Tensor) -> Tensor:
    """L1 distance to the mean of both sources (BFFR, arXiv 2211.12286).

    Args:
        fused (Tensor): (B, 1, H, W).
        first (Tensor): (B, 1, H, W).
        second (Tensor): (B, 1, H, W).

    Returns:
        Tensor: Scalar.
    """
    return F.l1_loss(fused, (first + second) / 2)


def max_intensity_loss(fused: Tensor, first: Tensor, second: Tensor) -> Tensor:
    """L1 distance to the larger of both sources at each pixel.

    The intensity part of SeAFusion's content loss (Information Fusion 82,
    2022, pp. 28-42). Arguments as of :func:`average_loss`.
    """
    return F.l1_loss(fused, torch.maximum(first, second))


def laplacian_loss(fused: Tensor, first: Tensor, second: Tensor) -> Tensor:
    """Squared distance of Laplacians to that of the brighter source.

    ``mean (G(F) - G(max(A, B)))^2``, ``G`` of
    :func:`~mmfusion.models.layers.laplacian` (MMDRFuse, ACM MM 2024, which
    weights it by 0.1). Arguments as of :func:`average_loss`.
    """
    brighter = torch.maximum(first, second)
    return F.mse_loss(laplacian(fused), laplacian(brighter))


@MODELS.register_module()
class SourceMSELoss(LumaLoss):
    """``vis_weight MSE(F, V) + ir_weight MSE(F, I)`` of the luminances.

    Args:
        vis_weight (float): Weight of the visible image.
        ir_weight (float): Weight of the infrared image.
        loss_weight (float): Factor of the loss.
    """

    def __init__(self, vis_weight: float = 1., ir_weight: float = 1.,
                 loss_weight: float = 1.0) -> None:
        super().__init__(loss_weight)
        self.weights = vis_weight, ir_weight

    def measure(self, fused: Tensor, vis: Tensor, ir: Tensor) -> Tensor:
        return sum(
            weight * F.mse_loss(fused, source)
            for weight, source in zip(self.weights, (vis, ir), strict=True))


@MODELS.register_module()
class AverageLoss(LumaLoss):
    """:func:`average_loss`, BFFR's warm start."""
    measure = staticmethod(average_loss)


@MODELS.register_module()
class MaxIntensityLoss(LumaLoss):
    """:func:`max_intensity_loss` of the luminances."""
    measure = staticmethod(max_intensity_loss)


@MODELS.register_module()
class LaplacianLoss(LumaLoss):
    """:func:`laplacian_loss` of the luminances."""
    measure = staticmethod(laplacian_loss)
