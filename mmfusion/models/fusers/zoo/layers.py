"""Pieces that several methods of the zoo share."""
from collections import OrderedDict
from collections.abc import Sequence
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

#: an activation by name, perhaps with an argument: ``('lrelu', 0.2)``
Act = None | str | tuple[str, float]


class TanhHalf(nn.Tanh):
    """``tanh(x) / 2 + 0.5``, from 0 to 1."""

    def forward(self, x: Tensor) -> Tensor:
        """Of any shape."""
        return super().forward(x) / 2 + 0.5


ACTS = dict(relu=nn.ReLU, lrelu=nn.LeakyReLU, prelu=nn.PReLU, tanh=nn.Tanh,
            sigmoid=nn.Sigmoid, tanh_half=TanhHalf)


def min_max(image: Tensor, epsilon: float = 0.) -> Tensor:
    """Each image (B, C, H, W) stretched from 0 to 1; a constant one to 0.

    Args:
        image (Tensor): Of any range.
        epsilon (float): Added to the range that is divided by.
    """
    low, high = (f((1, 2, 3), keepdim=True) for f in (image.amin, image.amax))
    scale = high - low + epsilon
    return (image - low) / torch.where(scale > 0, scale, 1.)


def conv_layer(in_channels: int, out_channels: int, kernel_size: int = 3,
               act: Act = 'relu', norm: bool = False,
               padding_mode: str = 'reflect',
               bias: bool = True) -> nn.Sequential:
    """Convolution that keeps the size; BatchNorm and activation where asked.

    Args:
        in_channels (int): Channels of the input.
        out_channels (int): Channels of the output.
        kernel_size (int): Odd side of the kernel.
        act (str | tuple, optional): A name of :data:`ACTS`, with its
            argument where it takes one.
        norm (bool): Whether BatchNorm follows the convolution.
        padding_mode (str): Of :class:`torch.nn.Conv2d`.
        bias (bool): Whether the convolution has a bias.

    Returns:
        nn.Sequential: Children ``conv``, ``norm`` and ``act``.
    """
    layers = OrderedDict(conv=nn.Conv2d(
        in_channels, out_channels, kernel_size, padding=kernel_size // 2,
        padding_mode=padding_mode if kernel_size > 1 else 'zeros', bias=bias))
    if norm:
        layers['norm'] = nn.BatchNorm2d(out_channels)
    if act is not None:
        name, *arguments = (act, ) if isinstance(act, str) else act
        layers['act'] = ACTS[name](*arguments)
    return nn.Sequential(layers)


class ConvStack(nn.Sequential):
    """Convolutions one after the other.

    Args:
        channels (sequence[int]): Of the input and of each layer's output.
        last_act (str | tuple, optional): Activation of the last layer.
        norm (bool | sequence[bool]): Which layers have BatchNorm. A single
            value is for all but the last.
        options: Of all layers, see :func:`conv_layer`.
    """

    def __init__(self, channels: Sequence[int], last_act: Act = None,
                 norm: bool | Sequence[bool] = False, act: Act = 'relu',
                 **options) -> None:
        depth = len(channels) - 1
        norms = [norm] * (depth - 1) + [False] if isinstance(norm,
                                                             bool) else norm
        acts = [act] * (depth - 1) + [last_act]
        super().__init__(
            *(conv_layer(inputs, outputs, act=one, norm=two, **options)
              for (inputs, outputs), one, two in zip(pairwise(channels), acts,
                                                     norms, strict=True)))


class DenseStack(nn.ModuleList):
    """Convolutions, each of which reads all maps before it.

    Args:
        in_channels (int): Channels of the input.
        growth (int): Channels that each layer adds.
        depth (int): Number of layers.
        new_first (bool): Whether a layer's maps are put in front of the
            older ones, as in the TensorFlow methods, or behind them. Weights
            of one order fit the other in shape, and give garbage.
        options: Of all layers, see :func:`conv_layer`.
    """

    def __init__(self, in_channels: int, growth: int, depth: int,
                 new_first: bool = False, **options) -> None:
        super().__init__(
            conv_layer(in_channels + k * growth, growth, **options)
            for k in range(depth))
        self.new_first = new_first

    def forward(self, x: Tensor) -> Tensor:
        """(B, in_channels, H, W) to all maps, the input's among them."""
        for layer in self:
            new = layer(x)
            x = torch.cat((new, x) if self.new_first else (x, new), 1)
        return x


class PixelTransformer(nn.Module):
    """Transformer blocks with windows of one token (DATFuse, MATR).

    A window of one token attends to itself: its value is what attention
    gives, and queries and keys, which the authors' files hold, have no
    influence. A token is ``channels`` numbers that follow each other in a
    map (C, H, W), mostly neighbouring pixels of one channel, since the
    authors view maps as tokens where a permutation seems to be meant. So
    the result depends on the width of the image: do not pad or tile it.

    Args:
        channels (int): Of the map, and numbers of a token.
        depth (int): Number of blocks.
    """

    def __init__(self, channels: int, depth: int) -> None:
        super().__init__()
        self.channels = channels
        self.blocks = nn.ModuleList(
            _PixelBlock(channels) for _ in range(depth))

    def forward(self, x: Tensor) -> Tensor:
        """(B, ``channels``, H, W) to the same shape."""
        tokens = x.reshape(x.shape[0], -1, self.channels)
        for block in self.blocks:
            tokens = block(tokens)
        return tokens.reshape(x.shape)


class _PixelBlock(nn.Module):
    """Values and a forward network, of tokens (B, N, ``channels``)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(channels)
        self.qkv = nn.Linear(channels, 3 * channels)
        self.proj = nn.Linear(channels, channels)
        self.norm2 = nn.LayerNorm(channels)
        self.mlp = nn.Sequential(nn.Linear(channels, 4 * channels), nn.GELU(),
                                 nn.Linear(4 * channels, channels))

    def forward(self, x: Tensor) -> Tensor:
        values = slice(-x.shape[-1], None)
        x = x + self.proj(
            F.linear(self.norm1(x), self.qkv.weight[values],
                     self.qkv.bias[values]))
        return x + self.mlp(self.norm2(x))
