"""Encoder and feature fusion of PSFusion (see ``psfusion.py``)."""
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from mmfusion.models.layers import (FReLU, GlobalAttention, apply_to_concat,
                                    conv_norm_act, pixel_attention, recompute)


def build_encoder(in_channels: int, base_channels: int,
                  depths: Sequence[int]) -> nn.ModuleList:
    """A ResNet of basic blocks behind a stem with FReLU.

    Args:
        in_channels (int): Channels of the modality.
        base_channels (int): Channels at full resolution, w.
        depths (Sequence[int]): Blocks in each of the four stages.

    Returns:
        nn.ModuleList: Six levels, each of which reads the one before. Their
        outputs have w, 2w, 2w, 4w, 8w, 16w channels at 1/1, 1/2, 1/4, 1/8,
        1/16, 1/32 of the size.
    """
    # late: mmseg's models take seconds
    from mmseg.models.backbones.resnet import BasicBlock
    from mmseg.models.utils import ResLayer
    width = base_channels
    detail = nn.Sequential(
        *conv_norm_act(in_channels, width, 7, bias=True, act=None),
        FReLU(width), *conv_norm_act(width, width, bias=True, act=None),
        FReLU(width))
    reduce = nn.Sequential(
        *conv_norm_act(width, 2 * width, stride=2, bias=True, act=None),
        FReLU(2 * width), *conv_norm_act(2 * width, 2 * width, bias=True))
    stages = []
    inplanes = 2 * width
    for i, depth in enumerate(depths):
        planes = 2 * width * 2**i
        stages.append(
            ResLayer(BasicBlock, inplanes, planes, num_blocks=depth,
                     stride=1 if i == 0 else 2))
        inplanes = planes
    stages[0] = nn.Sequential(nn.MaxPool2d(3, stride=2, padding=1), stages[0])
    return nn.ModuleList([detail, reduce, *stages])


class DetailFusion(nn.Module):
    """Superficial detail fusion module of two feature maps.

    Both modalities are recalibrated by a common channel attention; a
    spatial and a global attention then weigh them against each other.

    Args:
        in_channels (int): Channels of each modality.
        channels (int): Channels of the output, c.
    """

    def __init__(self, in_channels: int, channels: int) -> None:
        super().__init__()
        mid = channels // 4

        def refine() -> nn.Sequential:
            return nn.Sequential(conv_norm_act(in_channels, channels),
                                 conv_norm_act(channels, channels),
                                 conv_norm_act(channels, channels))

        self.vis = refine()
        self.ir = refine()
        self.recalibrate = GlobalAttention(2 * channels, 2 * mid, 2 * channels)
        self.aggregate = conv_norm_act(2 * channels, channels, 1, bias=True)
        self.local_attention = nn.Sequential(
            *conv_norm_act(channels, mid, 1, bias=True),
            *conv_norm_act(mid, channels, 1, bias=True, act=None))
        self.global_attention = GlobalAttention(channels, mid, channels)

    def forward(self, vis: Tensor, ir: Tensor) -> Tensor:
        """Two maps (B, in_channels, H, W) to one (B, channels, H, W)."""
        vis, ir = self.vis(vis), self.ir(ir)
        return recompute(self, self._weigh, vis, ir)

    def _weigh(self, vis: Tensor, ir: Tensor) -> Tensor:
        gain = 1 + torch.sigmoid(self.recalibrate(vis, ir))
        vis_gain, ir_gain = gain.chunk(2, dim=1)
        vis, ir = vis * vis_gain, ir * ir_gain
        both = self.aggregate(torch.cat((vis, ir), dim=1))
        weight = self.local_attention(both) * self.global_attention(both)
        return torch.lerp(ir, vis, torch.sigmoid(weight))


class DenseReduction(nn.Module):
    """Densely connected blocks that bring a deep feature to few channels.

    Each block reads the earlier blocks' outputs, the reduced input last.
    """

    def __init__(self, in_channels: int, growth: int,
                 out_channels: int) -> None:
        super().__init__()
        self.reduce = nn.Conv2d(in_channels, growth, 1)
        self.blocks = nn.ModuleList(
            conv_norm_act(growth * (i + 1), growth) for i in range(4))
        self.output = conv_norm_act(in_channels + growth, out_channels)

    def forward(self, x: Tensor) -> Tensor:
        """(B, in_channels, H, W) to (B, out_channels, H, W)."""
        reduced = self.reduce(x)
        outputs: list[Tensor] = []
        for block in self.blocks:
            outputs.append(apply_to_concat(block, (*outputs, reduced)))
        return apply_to_concat(self.output, (x, outputs[-1]))


class SemanticFusion(nn.Module):
    """Profound semantic fusion module of two deep feature maps.

    Cross attention with one projection shared by both modalities. The
    projection called *query* stands on the key side of the dot product, the
    product is not scaled, and each modality's attention is added to the
    other modality, as in the authors' code.

    Args:
        in_channels (int): Channels of each modality.
        channels (int): Channels of the output.
    """

    def __init__(self, in_channels: int, channels: int) -> None:
        super().__init__()
        self.vis_dense = DenseReduction(in_channels, channels // 4, channels)
        self.ir_dense = DenseReduction(in_channels, channels // 4, channels)
        self.query = conv_norm_act(2 * channels, channels)
        self.vis_key = conv_norm_act(channels, channels)
        self.vis_value = conv_norm_act(channels, channels)
        self.ir_key = conv_norm_act(channels, channels)
        self.ir_value = conv_norm_act(channels, channels)
        self.vis_gain = nn.Parameter(torch.zeros(1))
        self.ir_gain = nn.Parameter(torch.zeros(1))
        self.output = conv_norm_act(2 * channels, channels)

    def forward(self, vis: Tensor, ir: Tensor) -> Tensor:
        """Two maps (B, in_channels, H, W) to one (B, channels, H, W)."""
        vis, ir = self.vis_dense(vis), self.ir_dense(ir)
        query = self.query(torch.cat((vis, ir), dim=1))
        vis_attended = pixel_attention(self.vis_key(vis), query,
                                       self.vis_value(vis), scale=1.0)
        ir_attended = pixel_attention(self.ir_key(ir), query,
                                      self.ir_value(ir), scale=1.0)
        return self.output(
            torch.cat((self.vis_gain * vis_attended + ir,
                       self.ir_gain * ir_attended + vis), dim=1))
