"""LRRNet's loss: pixels of the visible image, features of both sources."""
from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from mmfusion.models.layers import shared_features
from mmfusion.registry import MODELS
from mmfusion.structures import FuserOutput, FusionDataSample

from .targets import fused_luma

_TAPS = ('relu1_2', 'relu2_2', 'relu3_3', 'relu4_3')
_WEIGHTS = dict(shallow=1.5, middle=0.01, deep=0.5, gram=2000.)


def gram(features: Tensor) -> Tensor:
    """Products of channels, ``F F' / (C H W)``: (B, C, C) of (B, C, H, W)."""
    flat = features.flatten(2)
    return flat @ flat.transpose(1, 2) / flat[0].numel()


def feature_terms(fused: Mapping[str, Tensor], vis: Mapping[str, Tensor],
                  ir: Mapping[str, Tensor],
                  taps: Sequence[str] = _TAPS) -> dict[str, Tensor]:
    """Squared distances of features V_1 to V_4, without their weights.

    ``shallow``: ``(V_1(F) - V_1(vis))^2``; ``middle`` and ``deep``:
    ``(V_k(F) - 3 V_k(ir) - 0.5 V_k(vis))^2`` for k = 2 and 3; ``gram``:
    ``(Gram V_4(F) - Gram V_4(ir))^2``; means each (LRRNet, IEEE TPAMI 45(9),
    2023).

    Args:
        fused (mapping[str, Tensor]): V(F), (B, C, H, W) by tap.
        vis (mapping[str, Tensor]): V(vis).
        ir (mapping[str, Tensor]): V(ir).
        taps (sequence[str]): Names of V_1 to V_4.

    Returns:
        dict[str, Tensor]: Scalars.
    """
    first, second, third, fourth = taps

    def mixed(tap: str) -> Tensor:
        return F.mse_loss(fused[tap], 3 * ir[tap] + 0.5 * vis[tap])

    return dict(shallow=F.mse_loss(fused[first],
                                   vis[first]), middle=mixed(second),
                deep=mixed(third), gram=F.mse_loss(gram(fused[fourth]),
                                                   gram(ir[fourth])))


@MODELS.register_module()
class LRRNetLoss(torch.nn.Module):
    """``10 (F - vis)^2`` and weighted :func:`feature_terms`, on 0..255.

    F is the fused luminance, which LRRNet stretches to its full range.

    Args:
        features (dict, optional): Config of the feature network, e.g.
            ``dict(type='VGGFeatures', depth=16, taps=..., init_cfg=...)``.
            Losses with the same config share one network, which is in no
            checkpoint. None: the pixel term alone, which needs no weights.
        taps (sequence[str]): Layers V_1 to V_4. Defaults to the authors',
            the last ReLU of each of the first four blocks of VGG-16.
        pixel_weight (float): Of the pixel term. Defaults to 10.
        weights (dict[str, float], optional): Of the feature terms. Defaults
            to the authors', 1.5 ``shallow``, 0.01 ``middle``, 0.5 ``deep``
            and 2000 ``gram``.
        loss_weight (float): Factor of every term.
    """

    def __init__(self, features: dict | None = None,
                 taps: Sequence[str] = _TAPS, pixel_weight: float = 10.,
                 weights: dict[str, float] | None = None,
                 loss_weight: float = 1.0) -> None:
        super().__init__()
        self._features = (None
                          if features is None else shared_features(features), )
        self.taps = tuple(taps)
        self.pixel_weight = pixel_weight
        self.weights = {**_WEIGHTS, **(weights or {})}
        self.loss_weight = loss_weight

    def forward(
        self, output: FuserOutput, inputs: dict[str, Tensor],
        data_samples: list[FusionDataSample] | None = None
    ) -> dict[str, Tensor]:
        """``pixel`` and, with a network, every feature term by name."""
        features, = self._features
        fused, vis, ir = (255 * image
                          for image in (fused_luma(output), inputs['vis_luma'],
                                        inputs['ir']))
        factor = self.loss_weight
        terms = dict(pixel=factor * self.pixel_weight * F.mse_loss(fused, vis))
        if features is not None:
            # half precision would overflow on levels
            with torch.autocast(fused.device.type, enabled=False):
                with torch.no_grad():
                    sources = features(vis.float()), features(ir.float())
                found = feature_terms(features.kept(fused.float()), *sources,
                                      self.taps)
            terms.update({
                name: factor * self.weights[name] * term
                for name, term in found.items()
            })
        return terms
