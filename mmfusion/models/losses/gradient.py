"""Gradient loss: the fused image keeps the stronger edge of the two."""
from typing import Dict, List, Optional

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmfusion.models.layers import sobel
from mmfusion.registry import MODELS
from mmfusion.structures import FuserOutput, FusionDataSample

from .targets import fused_luma


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
class GradientLoss(nn.Module):
    """:func:`max_gradient_loss` of the luminances.

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
        return self.loss_weight * max_gradient_loss(
            fused_luma(output), inputs['vis_luma'], inputs['ir'])
