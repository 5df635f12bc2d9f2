"""Gradient loss: the fused image keeps the stronger edge of the two."""
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from mmfusion.models.layers import sobel
from mmfusion.registry import MODELS

from .base import LumaLoss


def max_gradient_loss(fused: Tensor, first: Tensor, second: Tensor,
                      joint: bool = False) -> Tensor:
    """L1 distance to the larger source gradient.

    Per direction: ``mean |max(|Sx A|, |Sx B|) - |Sx F||`` plus the same for
    ``Sy``, with :func:`~mmfusion.models.layers.sobel` and zero padding
    (PSFusion, Information Fusion 99, 101870). Joint: one such term of
    ``|Sx| + |Sy|`` (SeAFusion, Information Fusion 82, 2022, pp. 28-42;
    FILM, ICML 2024).

    Args:
        fused (Tensor): (B, 1, H, W).
        first (Tensor): (B, 1, H, W).
        second (Tensor): (B, 1, H, W).
        joint (bool): Whether to add the directions up before comparing.

    Returns:
        Tensor: Scalar.
    """

    def magnitudes(image: Tensor) -> Sequence[Tensor]:
        both = [derivative.abs() for derivative in sobel(image)]
        return [sum(both)] if joint else both

    return sum(
        F.l1_loss(f, torch.maximum(a, b))
        for f, a, b in zip(*map(magnitudes, (fused, first,
                                             second)), strict=True))


@MODELS.register_module()
class GradientLoss(LumaLoss):
    """:func:`max_gradient_loss` of the luminances.

    Args:
        joint (bool): See the function.
        loss_weight (float): Factor of the loss.
    """

    def __init__(self, joint: bool = False, loss_weight: float = 1.0) -> None:
        super().__init__(loss_weight)
        self.joint = joint

    def measure(self, fused: Tensor, vis: Tensor, ir: Tensor) -> Tensor:
        return max_gradient_loss(fused, vis, ir, self.joint)
