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


def mean_gradient_loss(fused: Tensor, first: Tensor, second: Tensor) -> Tensor:
    """``|g(F) - max(g(A), g(B))|`` with one number g a batch.

    g is the mean of ``Sx + Sy`` with its sign, with
    :func:`~mmfusion.models.layers.sobel` and zero padding: what DATFuse's
    code computes (IEEE TCSVT 33(7), 2023), though a term for each pixel
    seems to be meant. Arguments as of :func:`max_gradient_loss`.
    """
    f, a, b = (sum(sobel(image)).mean() for image in (fused, first, second))
    return (f - torch.maximum(a, b)).abs()


@MODELS.register_module()
class GradientLoss(LumaLoss):
    """:func:`max_gradient_loss` of the luminances.

    Args:
        joint (bool): See the function.
        of_means (bool): Whether to take :func:`mean_gradient_loss` instead.
        loss_weight (float): Factor of the loss.
    """

    def __init__(self, joint: bool = False, of_means: bool = False,
                 loss_weight: float = 1.0) -> None:
        super().__init__(loss_weight)
        self.joint = joint
        self.of_means = of_means

    def measure(self, fused: Tensor, vis: Tensor, ir: Tensor) -> Tensor:
        if self.of_means:
            return mean_gradient_loss(fused, vis, ir)
        return max_gradient_loss(fused, vis, ir, self.joint)
