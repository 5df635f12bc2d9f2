"""Networks of :class:`MaskDiFuser`."""
import math
from collections.abc import Sequence
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

_COND = 128  # channels of the semantic maps


def _conv(in_channels: int, out_channels: int, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(in_channels, out_channels, 3, stride, 1)


def _norm(channels: int) -> nn.GroupNorm:
    return nn.GroupNorm(32, channels)


def step_table(steps: int, channels: int) -> Tensor:
    """Sines and cosines of all steps, (steps, channels)."""
    rates = torch.exp(-math.log(10000) * torch.arange(0, channels, 2) /
                      channels)
    angles = torch.arange(steps)[:, None] * rates
    return torch.stack((angles.sin(), angles.cos()), 2).flatten(1)


class APFM(nn.Module):
    """Mixes the maps of both views by channel and spatial weights."""

    def __init__(self, channels: int = 128) -> None:
        super().__init__()
        wide = 2 * channels
        self.channel = nn.Sequential(nn.Conv2d(2 * wide, wide, 1), _norm(wide),
                                     nn.SiLU(), nn.Conv2d(wide, channels, 1),
                                     _norm(channels))
        self.spatial = nn.Sequential(nn.Conv2d(wide, channels, 1),
                                     _norm(channels), nn.SiLU(),
                                     nn.Conv2d(channels, channels, 1),
                                     _norm(channels))

    def forward(self, one: Tensor, two: Tensor) -> Tensor:
        """(B, C, H, W) of both views to (B, C, H, W)."""
        both = torch.cat((one, two), 1)
        pooled = torch.cat((both.mean(
            (2, 3), keepdim=True), both.amax((2, 3), keepdim=True)), 1)
        weight = (self.channel(pooled) + self.spatial(both)).sigmoid()
        return weight * one + (1 - weight) * two


class ContentEncoder(nn.Module):
    """Full-size content of both views, (B, 64, H, W)."""

    def __init__(self) -> None:
        super().__init__()
        self.view = nn.Sequential(_conv(3, 32), _norm(32), nn.SiLU(),
                                  _conv(32, 64), _norm(64), nn.SiLU(),
                                  _conv(64, 128))
        self.mixer = APFM(128)
        self.out = nn.Sequential(_norm(128), nn.SiLU(), _conv(128, 64),
                                 _norm(64), nn.SiLU(), _conv(64, 64))

    def forward(self, one: Tensor, two: Tensor) -> Tensor:
        """(B, 3, H, W) of both views."""
        return self.out(self.mixer(self.view(one), self.view(two)))


class SemanticEncoder(nn.Module):
    """What a view shows, on a grid of 1/16, (B, 128, H / 16, W / 16).

    Args:
        layers (int): Transformer layers, without positions.
    """

    def __init__(self, layers: int = 4) -> None:
        super().__init__()
        widths = (3, 32, 32, 64, 128, _COND)
        parts = []
        for index, (one, two) in enumerate(pairwise(widths)):
            if index:
                parts += [_norm(one), nn.SiLU()]
            parts.append(_conv(one, two, 2 if index else 1))
        self.convs = nn.Sequential(*parts)
        self.layers = nn.ModuleList(
            nn.TransformerEncoderLayer(_COND, 8, 2048, batch_first=True)
            for _ in range(layers))

    def forward(self, view: Tensor) -> Tensor:
        """(B, 3, H, W) to the map."""
        maps = self.convs(view)
        tokens = maps.flatten(2).transpose(1, 2)
        for layer in self.layers:
            tokens = layer(tokens)
        return tokens.transpose(1, 2).reshape(maps.shape)


class ViewAttention(nn.Module):
    """Attention of a map to the semantic map of a view, one head.

    Args:
        channels (int): Channels of the map.
        chunk (int, optional): Queries at a time; None for all.
    """

    def __init__(self, channels: int, chunk: int | None) -> None:
        super().__init__()
        self.chunk = chunk
        self.norm_query = _norm(channels)
        self.query = nn.Conv2d(channels, channels, 1)
        self.norm_view = _norm(_COND)
        self.key = nn.Conv2d(_COND, channels, 1)
        self.value = nn.Conv2d(_COND, channels, 1)

    def forward(self, x: Tensor, view: Tensor) -> Tensor:
        """(B, C, H, W) and (B, 128, h, w) to (B, C, H, W)."""
        view = self.norm_view(view)
        query, key, value = (part.flatten(2).transpose(1, 2)
                             for part in (self.query(self.norm_query(x)),
                                          self.key(view), self.value(view)))
        out = torch.cat([
            F.scaled_dot_product_attention(part, key, value)
            for part in query.split(self.chunk or query.shape[1], 1)
        ], 1)
        return out.transpose(1, 2).reshape(x.shape)


class SelfAttention(nn.Module):
    """Attention among all pixels, one head, with a residual."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = _norm(channels)
        self.query, self.key, self.value, self.project = (nn.Conv2d(
            channels, channels, 1) for _ in range(4))

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) to the same shape."""
        h = self.norm(x)
        query, key, value = (layer(h).flatten(2).transpose(1, 2)
                             for layer in (self.query, self.key, self.value))
        out = F.scaled_dot_product_attention(query, key, value)
        return x + self.project(out.transpose(1, 2).reshape(x.shape))


class DualBlock(nn.Module):
    """Residual block that attends to both views in both orders.

    Args:
        in_channels (int): Channels of the input.
        out_channels (int): Channels of the output.
        embed (int): Width of the step's embedding.
        attend (bool): Whether there is self-attention.
        chunk (int, optional): See :class:`ViewAttention`.
        dropout (float): Before the second convolution.
    """

    def __init__(self, in_channels: int, out_channels: int, embed: int,
                 attend: bool, chunk: int | None,
                 dropout: float = 0.1) -> None:
        super().__init__()
        self.first = nn.Sequential(_norm(in_channels), nn.SiLU(),
                                   _conv(in_channels, out_channels))
        self.step = nn.Sequential(nn.SiLU(), nn.Linear(embed, out_channels))
        self.second = nn.Sequential(_norm(out_channels), nn.SiLU(),
                                    nn.Dropout(dropout),
                                    _conv(out_channels, out_channels))
        self.shortcut = (nn.Identity() if in_channels == out_channels else
                         nn.Conv2d(in_channels, out_channels, 1))
        self.attention = SelfAttention(
            out_channels) if attend else nn.Identity()
        self.cross = ViewAttention(out_channels, chunk)
        self.merge = nn.Sequential(_conv(3 * out_channels, out_channels),
                                   _norm(out_channels), nn.SiLU())

    def forward(self, x: Tensor, embed: Tensor, one: Tensor,
                two: Tensor) -> Tensor:
        """(B, C, H, W), the step and both views to (B, C', H, W)."""
        h = self.first(x) + self.step(embed)[:, :, None, None]
        h = self.attention(self.second(h) + self.shortcut(x))
        z1 = self.cross(self.cross(h, one), two)
        z2 = self.cross(self.cross(h, two), one)
        return self.merge(torch.cat((z1, z2, z1 + z2), 1)) + h


class DualUNet(nn.Module):
    """U-Net of :class:`DualBlock`, (B, width, H, W) to the same shape.

    Args:
        width (int): Base width.
        multipliers (sequence[int]): Of each level.
        embed (int): Width of the step's embedding.
        attention (sequence[int]): Levels with self-attention.
        chunk (int, optional): See :class:`ViewAttention`.
    """

    def __init__(self, width: int, multipliers: Sequence[int], embed: int,
                 attention: Sequence[int] = (2, ),
                 chunk: int | None = None) -> None:
        super().__init__()
        levels = [width * multiplier for multiplier in multipliers]
        last = len(levels) - 1
        current, skips = width, [width]
        self.down, self.shrink = nn.ModuleList(), nn.ModuleList()
        for level, channels in enumerate(levels):
            blocks = nn.ModuleList()
            for _ in range(2):
                blocks.append(
                    DualBlock(current, channels, embed, level in attention,
                              chunk))
                current = channels
                skips.append(current)
            self.down.append(blocks)
            if level < last:
                self.shrink.append(_conv(current, current, 2))
                skips.append(current)
        self.middle = nn.ModuleList(
            DualBlock(current, current, embed, first, chunk)
            for first in (True, False))
        self.up, self.grow = nn.ModuleList(), nn.ModuleList()
        for level, channels in reversed(list(enumerate(levels))):
            blocks = nn.ModuleList()
            for _ in range(3):
                blocks.append(
                    DualBlock(current + skips.pop(), channels, embed, level
                              in attention, chunk))
                current = channels
            self.up.append(blocks)
            if level:
                self.grow.append(_conv(current, current))

    def forward(self, x: Tensor, embed: Tensor,
                views: tuple[Tensor, Tensor]) -> Tensor:
        """Features of the noise."""
        skips = [x]
        for level, blocks in enumerate(self.down):
            for block in blocks:
                x = block(x, embed, *views)
                skips.append(x)
            if level < len(self.shrink):
                x = self.shrink[level](x)
                skips.append(x)
        for block in self.middle:
            x = block(x, embed, *views)
        for level, blocks in enumerate(self.up):
            for block in blocks:
                x = block(torch.cat((x, skips.pop()), 1), embed, *views)
            if level < len(self.grow):
                x = F.interpolate(x, scale_factor=2, mode='bilinear',
                                  align_corners=False)
                x = self.grow[level](x)
        return x
