"""Average loss: BFFR's warm start."""
import torch.nn.functional as F
from torch import Tensor

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


@MODELS.register_module()
class AverageLoss(LumaLoss):
    """:func:`average_loss` of the luminances.

    Args:
        loss_weight (float): Factor of the loss.
    """

    def measure(self, fused: Tensor, vis: Tensor, ir: Tensor) -> Tensor:
        return average_loss(fused, vis, ir)
