"""Average loss: BFFR's warm start."""
from typing import Dict, List, Optional

import torch.nn.functional as F
from torch import Tensor, nn

from mmfusion.registry import MODELS
from mmfusion.structures import FuserOutput, FusionDataSample

from .targets import fused_luma


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
class AverageLoss(nn.Module):
    """:func:`average_loss` of the luminances.

    Args:
        loss_weight (float): Factor of the loss.
    """

    def __init__(self, loss_weight: float = 1.0) -> None:
        super().__init__()
        self.loss_weight = loss_weight

    def forward(
            self,
            output: FuserOutput,
            inputs: Dict[str, Tensor],
            data_samples: Optional[List[FusionDataSample]] = None) -> Tensor:
        """Scalar loss; see :mod:`mmfusion.models.losses`."""
        return self.loss_weight * average_loss(
            fused_luma(output), inputs['vis_luma'], inputs['ir'])
