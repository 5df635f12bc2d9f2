"""Perceptual loss: the fused image has the stronger feature of the two."""
from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from mmfusion.models.layers import VGG19_TAPS, shared_features
from mmfusion.registry import MODELS

from .base import LumaLoss


def max_perceptual_loss(fused: Mapping[str, Tensor],
                        first: Mapping[str, Tensor], second: Mapping[str,
                                                                     Tensor],
                        taps: Sequence[str]) -> Tensor:
    """Squared distance to the larger source feature, mean over taps.

    ``1/K sum_k mean (max(V_k(A), V_k(B)) - V_k(F))^2`` (MMDRFuse, ACM MM
    2024).

    Args:
        fused (mapping[str, Tensor]): V(F), (B, C, H, W) by tap.
        first (mapping[str, Tensor]): V(A).
        second (mapping[str, Tensor]): V(B).
        taps (sequence[str]): The K taps.

    Returns:
        Tensor: Scalar.
    """
    return sum(
        F.mse_loss(fused[tap], torch.maximum(first[tap], second[tap]))
        for tap in taps) / len(taps)


@MODELS.register_module()
class MaxPerceptualLoss(LumaLoss):
    """:func:`max_perceptual_loss` of the luminances.

    Args:
        features (dict): Config of the feature network, e.g.
            ``dict(type='VGGFeatures', init_cfg=...)``. Losses with the same
            config share one network, which is in no checkpoint.
        taps (sequence[str]): Taps compared. Defaults to MMDRFuse's five.
        loss_weight (float): Factor of the loss.
    """

    def __init__(self, features: dict, taps: Sequence[str] = VGG19_TAPS,
                 loss_weight: float = 1.0) -> None:
        super().__init__(loss_weight)
        self._features = (shared_features(features), )
        self.taps = tuple(taps)

    def measure(self, fused: Tensor, vis: Tensor, ir: Tensor) -> Tensor:
        features, = self._features
        with torch.no_grad():
            sources = features(vis), features(ir)
        return max_perceptual_loss(features.kept(fused), *sources, self.taps)


def feature_distance(first: Mapping[str, Tensor], second: Mapping[str, Tensor],
                     taps: Sequence[str],
                     rows: Tensor | None = None) -> Tensor:
    """Squared distance of features by image, mean over taps.

    Args:
        first (mapping[str, Tensor]): (N, C, H, W) by tap.
        second (mapping[str, Tensor]): (B, C, H, W) by tap.
        taps (sequence[str]): Taps compared.
        rows (Tensor, optional): Boolean (B, ) with N images of ``second``.

    Returns:
        Tensor: (N, ).
    """
    total = 0.
    for tap in taps:
        other = second[tap] if rows is None else second[tap][rows]
        total = total + (first[tap] - other).square().flatten(1).mean(1)
    return total / len(taps)
