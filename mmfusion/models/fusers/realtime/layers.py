"""Blocks of :class:`RealtimeFusionNet`."""
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

_ACTIVATIONS = dict(hswish=nn.Hardswish, relu=nn.ReLU)


def conv_bn_act(in_channels: int, out_channels: int, kernel_size: int = 3,
                stride: int = 1, act: str | None = 'hswish',
                groups: int = 1) -> nn.Sequential:
    """Convolution without bias that keeps the size, BatchNorm, activation.

    Args:
        in_channels (int): Channels of the input.
        out_channels (int): Channels of the output.
        kernel_size (int): Odd side of the kernel.
        stride (int): Stride.
        act (str, optional): ``'hswish'``, ``'relu'`` or None.
        groups (int): Groups of the convolution.
    """
    layers = [
        nn.Conv2d(in_channels, out_channels, kernel_size, stride,
                  kernel_size // 2, groups=groups, bias=False),
        nn.BatchNorm2d(out_channels)
    ]
    if act is not None:
        layers.append(_ACTIVATIONS[act](inplace=True))
    return nn.Sequential(*layers)


class SqueezeExcite(nn.Module):
    """Scales channels by what their means say (Hu et al., CVPR 2018).

    Hidden width a quarter, at least 8; hard sigmoid, as in MobileNetV3.

    Args:
        channels (int): Channels of the map.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        hidden = max(8, channels // 4)
        self.reduce = nn.Conv2d(channels, hidden, 1)
        self.expand = nn.Conv2d(hidden, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) to the same shape."""
        gate = F.relu(self.reduce(x.mean((2, 3), keepdim=True)))
        return x * F.hardsigmoid(self.expand(gate))


class InvertedResidual(nn.Module):
    """Expand, depthwise convolution, project (MobileNetV3, ICCV 2019).

    Args:
        in_channels (int): Channels of the input.
        hidden (int): Channels in between; no expansion where equal to
            ``in_channels``.
        out_channels (int): Channels of the output.
        kernel_size (int): Of the depthwise convolution.
        stride (int): Of the depthwise convolution.
        squeeze (bool): Whether squeeze-and-excitation follows it.
        act (str): Activation.
    """

    def __init__(self, in_channels: int, hidden: int, out_channels: int,
                 kernel_size: int, stride: int, squeeze: bool,
                 act: str) -> None:
        super().__init__()
        layers = []
        if hidden != in_channels:
            layers.append(conv_bn_act(in_channels, hidden, 1, act=act))
        layers.append(
            conv_bn_act(hidden, hidden, kernel_size, stride, act, hidden))
        if squeeze:
            layers.append(SqueezeExcite(hidden))
        layers.append(conv_bn_act(hidden, out_channels, 1, act=None))
        self.layers = nn.Sequential(*layers)
        self.residual = stride == 1 and in_channels == out_channels

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) to (B, C', H / stride, W / stride)."""
        out = self.layers(x)
        return x + out if self.residual else out


class MobileEncoder(nn.Module):
    """Maps at 1/2, 1/4, 1/8 and 1/16 of the size.

    Args:
        in_channels (int): Channels of the modality.
        channels (sequence[int]): Of the four maps.
    """

    def __init__(self, in_channels: int, channels: Sequence[int]) -> None:
        super().__init__()
        c1, c2, c3, c4 = channels
        self.channels = tuple(channels)
        self.stages = nn.ModuleList([
            nn.Sequential(conv_bn_act(in_channels, c1, 3, 2),
                          InvertedResidual(c1, c1, c1, 3, 1, False, 'relu')),
            nn.Sequential(
                InvertedResidual(c1, 3 * c1, c2, 3, 2, False, 'relu'),
                InvertedResidual(c2, 3 * c2, c2, 3, 1, False, 'relu')),
            nn.Sequential(
                InvertedResidual(c2, 4 * c2, c3, 5, 2, True, 'hswish'),
                InvertedResidual(c3, 3 * c3, c3, 5, 1, True, 'hswish'),
                InvertedResidual(c3, 3 * c3, c3, 5, 1, True, 'hswish')),
            nn.Sequential(
                InvertedResidual(c3, 6 * c3, c4, 5, 2, True, 'hswish'),
                InvertedResidual(c4, 4 * c4, c4, 5, 1, True, 'hswish'),
                InvertedResidual(c4, 4 * c4, c4, 5, 1, True, 'hswish')),
        ])

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """(B, C, H, W) to four maps."""
        maps = []
        for stage in self.stages:
            x = stage(x)
            maps.append(x)
        return tuple(maps)


class CrossAttention(nn.Module):
    """Every pixel of one map attends to the other map, reduced.

    Plain matrix products and softmax, which all runtimes know.

    Args:
        channels (int): Channels of both maps.
        reduction (int): The other map is averaged over squares of this
            side.
        heads (int): Attention heads.
    """

    def __init__(self, channels: int, reduction: int, heads: int = 4) -> None:
        super().__init__()
        if channels % heads:
            raise ValueError(
                f'Expected channels divisible by {heads} heads, got '
                f'{channels}. Choose other channels.')
        self.heads = heads
        self.reduction = reduction
        self.scale = (channels // heads)**-0.5
        self.norm_query = nn.BatchNorm2d(channels)
        self.norm_other = nn.BatchNorm2d(channels)
        self.query = nn.Conv2d(channels, channels, 1, bias=False)
        self.key_value = nn.Conv2d(channels, 2 * channels, 1, bias=False)
        self.project = nn.Conv2d(channels, channels, 1)

    def forward(self, x: Tensor, other: Tensor) -> Tensor:
        """(B, C, H, W) and the same, to what is added to ``x``."""
        batch, channels, height, width = x.shape
        heads = self.heads
        query = self.query(self.norm_query(x))
        query = query.reshape(batch, heads, channels // heads, -1)
        pooled = F.avg_pool2d(self.norm_other(other), self.reduction)
        shape = batch, 2, heads, channels // heads, -1
        key, value = self.key_value(pooled).reshape(shape).unbind(1)
        weights = (query.transpose(2, 3) @ key * self.scale).softmax(-1)
        out = value @ weights.transpose(2, 3)
        return self.project(out.reshape(batch, channels, height, width))


class FusionBlock(nn.Module):
    """One map of two: channel gates, cross-attention, weights, merge.

    Args:
        channels (int): Channels of both maps and of the result.
        reduction (int, optional): Of the cross-attention; None for none.
    """

    def __init__(self, channels: int, reduction: int | None) -> None:
        super().__init__()
        hidden = max(8, channels // 4)
        self.gate = nn.Sequential(nn.Conv2d(4 * channels, hidden, 1),
                                  nn.ReLU(inplace=True),
                                  nn.Conv2d(hidden, 2 * channels, 1),
                                  nn.Hardsigmoid())
        if reduction is not None:
            self.ir_from_vis = CrossAttention(channels, reduction)
            self.vis_from_ir = CrossAttention(channels, reduction)
        self.attends = reduction is not None
        self.spatial = nn.Conv2d(4, 2, 7, padding=3)
        self.merge = nn.Sequential(conv_bn_act(3 * channels, channels, 1),
                                   SqueezeExcite(channels),
                                   conv_bn_act(channels, channels, 3))

    def forward(self, ir: Tensor, vis: Tensor) -> Tensor:
        """(B, C, H, W) of both modalities to (B, C, H, W)."""
        pooled = torch.cat([
            pool for x in (ir, vis) for pool in (x.mean((2, 3), keepdim=True),
                                                 x.amax((2, 3), keepdim=True))
        ], 1)
        gate_ir, gate_vis = self.gate(pooled).chunk(2, 1)
        ir, vis = ir * (1 + gate_ir), vis * (1 + gate_vis)
        if self.attends:
            ir, vis = (ir + self.ir_from_vis(ir, vis),
                       vis + self.vis_from_ir(vis, ir))
        summary = torch.cat([
            part for x in (ir, vis)
            for part in (x.mean(1, keepdim=True), x.amax(1, keepdim=True))
        ], 1)
        weights = self.spatial(summary).softmax(1)
        mixed = weights[:, :1] * ir + weights[:, 1:] * vis
        return self.merge(torch.cat((ir, vis, mixed), 1))


class UpBlock(nn.Module):
    """Doubles the size and takes in the map of the finer scale.

    Args:
        in_channels (int): Channels of the coarser map.
        skip_channels (int): Channels of the finer one.
        out_channels (int): Channels of the result.
    """

    def __init__(self, in_channels: int, skip_channels: int,
                 out_channels: int) -> None:
        super().__init__()
        self.reduce = conv_bn_act(in_channels, out_channels, 1)
        self.refine = nn.Sequential(
            conv_bn_act(out_channels + skip_channels, out_channels, 3),
            conv_bn_act(out_channels, out_channels, 3),
            SqueezeExcite(out_channels))

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
        """(B, C, H, W) and (B, C', 2 H, 2 W) to (B, C'', 2 H, 2 W)."""
        return self.refine(torch.cat((double(self.reduce(x)), skip), 1))


def double(x: Tensor) -> Tensor:
    """Twice the height and width, bilinear."""
    return F.interpolate(x, scale_factor=2, mode='bilinear',
                         align_corners=False)
