"""Scene and semantic decoders of PSFusion (see ``psfusion.py``)."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmfusion.models.layers import (GlobalAttention, apply_to_concat,
                                    conv_norm_act, recompute)


def upsample(x: Tensor, factor: int) -> Tensor:
    """Bilinear, corners aligned: (B, C, H, W) to ``factor`` times the size."""
    if factor == 1:
        return x
    height, width = x.shape[-2:]
    return F.interpolate(x, size=(height * factor, width * factor),
                         mode='bilinear', align_corners=True)


class SemanticInjection(nn.Module):
    """Modulates a map by another one of possibly lower resolution.

    Args:
        channels (int): Channels of the map and of the output.
        condition_channels (int): Channels of the condition.
    """

    def __init__(self, channels: int, condition_channels: int) -> None:
        super().__init__()
        self.shared = nn.Sequential(
            nn.Conv2d(condition_channels, channels, 3, padding=1),
            nn.ReLU(inplace=True))
        self.gamma = nn.Sequential(nn.Conv2d(channels, channels, 3, padding=1),
                                   nn.Sigmoid())
        self.beta = nn.Conv2d(channels, channels, 3, padding=1)
        self.norm = nn.BatchNorm2d(channels)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        """Inject ``condition`` into ``x``.

        Args:
            x (Tensor): (B, channels, H, W).
            condition (Tensor): (B, condition_channels, h, w).

        Returns:
            Tensor: (B, channels, H, W).
        """
        condition = F.interpolate(condition, size=x.shape[-2:],
                                  mode='bilinear', align_corners=False)
        shared = self.shared(condition)
        gamma = self.gamma(shared)
        return recompute(self, self._modulate, x, gamma) + self.beta(shared)

    def _modulate(self, x: Tensor, gamma: Tensor) -> Tensor:
        x = F.instance_norm(x)
        return self.norm(torch.addcmul(x, x, gamma))


class DenseReconstruction(nn.Module):
    """Four densely connected blocks with two BatchNorm layers each.

    Args:
        channels (int): Channels of the input and of every block.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(
            conv_norm_act(channels * (i + 1), channels, norms=2)
            for i in range(4))

    def forward(self, x: Tensor) -> Tensor:
        """(B, channels, H, W) to the same shape."""
        inputs = [x]
        for block in self.blocks:
            conv, *norms = block
            x = apply_to_concat(conv, inputs)
            inputs.append(recompute(block, nn.Sequential(*norms), x))
        return inputs[-1]


class SparseSemanticDecoder(nn.Module):
    """Brings the deep fused features to one map at a quarter of the size.

    Args:
        channels (int): Channels of every input and of the output.
        scales (int): Number of inputs; each has half the size of the one
            before.
    """

    def __init__(self, channels: int, scales: int = 4) -> None:
        super().__init__()
        self.align = nn.ModuleList(
            nn.Conv2d(channels, channels, 3, padding=1) for _ in range(scales))
        self.perceive = nn.Sequential(
            conv_norm_act(scales * channels, channels, norms=2),
            conv_norm_act(channels, channels, norms=2),
            conv_norm_act(channels, channels, norms=2))

    def forward(self, features: list[Tensor]) -> Tensor:
        """Features at 1/4, 1/8, ... to (B, channels, H / 4, W / 4)."""
        return self.perceive(
            torch.cat([
                upsample(conv(x), 2**i)
                for i, (conv,
                        x) in enumerate(zip(self.align, features, strict=True))
            ], dim=1))


class SemanticHeads(nn.Module):
    """Semantic, binary and boundary logits; binary gates semantic.

    Args:
        channels (int): Channels of the input.
        num_classes (int): Semantic classes.
    """

    def __init__(self, channels: int, num_classes: int) -> None:
        super().__init__()
        self.binary = nn.Sequential(
            *conv_norm_act(channels, channels // 4, 1, act='relu6'),
            nn.Conv2d(channels // 4, 2, 3, padding=1))
        self.gated = conv_norm_act(channels, channels, 1, act='relu6')
        self.semantic = nn.Conv2d(channels, num_classes, 3, padding=1)
        self.boundary = nn.Sequential(
            *conv_norm_act(2 * channels, channels, 1, bias=True, act='relu6'),
            nn.Conv2d(channels, 2, 3, padding=1))

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        """(B, channels, H / 4, W / 4) to logits of the full size.

        Returns:
            dict[str, Tensor]: ``semantic`` (B, num_classes, H, W),
            ``binary`` and ``boundary`` (B, 2, H, W).
        """
        binary = self.binary(x)
        gate = binary.softmax(dim=1)[:, 1:]
        gated = self.gated(upsample(x * gate, 2))
        boundary = self.boundary(torch.cat((gated, upsample(x, 2)), dim=1))
        return dict(semantic=upsample(self.semantic(gated), 2),
                    binary=upsample(binary, 4), boundary=upsample(boundary, 2))


class ImageHead(nn.Module):
    """Convolution to one channel in (0, 1): ``(tanh + 1) / 2``."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, 1, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """(B, channels, H, W) to (B, 1, H, W)."""
        return (torch.tanh(self.conv(x)) + 1) / 2


class FidelityHead(ImageHead):
    """Image head behind a mask of local and global attention."""

    def __init__(self, channels: int) -> None:
        super().__init__(channels)

        def depthwise(act=None) -> nn.Sequential:
            return conv_norm_act(channels, channels, groups=channels,
                                 bias=True, act=act)

        self.local_attention = nn.Sequential(*depthwise('relu'),
                                             *depthwise('relu'), *depthwise())
        self.global_attention = GlobalAttention(channels, channels // 4,
                                                channels)
        self.norm = nn.BatchNorm2d(channels)

    def forward(self, x: Tensor) -> Tensor:
        """(B, channels, H, W) to (B, 1, H, W)."""
        return recompute(self, self._reconstruct, x)

    def _reconstruct(self, x: Tensor) -> Tensor:
        mask = self.local_attention(x) * self.global_attention(x)
        return super().forward(self.norm(torch.sigmoid(mask) * x))
