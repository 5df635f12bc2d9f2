"""GIFNet: one network for all pairs, two branches of window attention.

Paper: Cheng et al., "One Model for ALL: Low-Level Task Interaction Is a Key
to Task-Agnostic Image Fusion", CVPR 2025, pp. 28102-28112. Origin:
github.com/AWCXV/GIFNet.

Images are fused by the multi-focus branch, into which the infrared-visible
branch goes. Differs from the authors' network in this: windows are attended
to some at a time; what only training needs is with :class:`GIFNetTrainer`.
"""
from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmfusion.registry import MODELS
from mmfusion.utils.torch_features import is_exporting

from ..base import BaseFuser
from .layers import ConvStack, DenseStack, conv_layer

_SIDE = 8  # of a window
_WINDOWS = 4096  # at a time
#: how an attention gets its queries: a function and the map that it takes
Queries = tuple[Callable[[Tensor], Tensor], Tensor]


class RelativeBias(nn.Module):
    """Bias of each pair of tokens in a window, from their distance."""

    def __init__(self, heads: int) -> None:
        super().__init__()
        place = torch.stack(
            torch.meshgrid(*2 * [torch.arange(float(_SIDE))], indexing='ij'),
            -1).view(-1, 2)
        apart = place.unsqueeze(1) - place
        self.register_buffer('positions', apart.sign() * apart.abs().log1p())
        self.layers = nn.Sequential(nn.Linear(2, 256), nn.ReLU(inplace=True),
                                    nn.Linear(256, heads))

    def forward(self) -> Tensor:
        """(heads, tokens, tokens)."""
        return self.layers(self.positions).permute(2, 0, 1)


class RescaleNorm(nn.Module):
    """Normalises whole maps; gives back what it took, by channel.

    Source: Song et al., "Vision Transformers for Single Image Dehazing",
    IEEE TIP 32, 2023.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1, channels, 1, 1))
        self.bias = nn.Parameter(torch.zeros(1, channels, 1, 1))
        self.scale = nn.Conv2d(1, channels, 1)
        self.shift = nn.Conv2d(1, channels, 1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Normalised map, scale and shift (B, C, 1, 1)."""
        mean = x.mean((1, 2, 3), keepdim=True)
        deviation = ((x - mean).square().mean(
            (1, 2, 3), keepdim=True) + 1e-5).sqrt()
        y = (x - mean) * (self.weight / deviation) + self.bias
        return y, self.scale(deviation), self.shift(mean)


class WindowAttention(nn.Module):
    """Attention in windows of 8x8, and a depthwise convolution of values."""

    def __init__(self, channels: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query_key = nn.Conv2d(channels, 2 * channels, 1)
        self.value = nn.Conv2d(channels, channels, 1)
        self.local = nn.Conv2d(channels, channels, 5, padding=2,
                               groups=channels, padding_mode='reflect')
        self.proj = nn.Conv2d(channels, channels, 1)

    def query(self, y: Tensor) -> Tensor:
        """The first half of ``query_key``."""
        size = y.shape[1]
        return F.conv2d(y, self.query_key.weight[:size],
                        self.query_key.bias[:size])

    def key(self, y: Tensor) -> Tensor:
        """The second half of ``query_key``."""
        size = y.shape[1]
        return F.conv2d(y, self.query_key.weight[size:],
                        self.query_key.bias[size:])

    def forward(self, y: Tensor, queries: Queries, bias: Tensor,
                shift: int) -> Tensor:
        """Attend.

        Args:
            y (Tensor): (B, C, H, W).
            queries (tuple): Whose, and their map of the same shape.
            bias (Tensor): (heads, 64, 64).
            shift (int): Where the first window starts, up and left.
        """
        height, width = y.shape[-2:]
        bottom, right = ((-shift % _SIDE + -size % _SIDE) % _SIDE
                         for size in (height, width))
        padding = shift, right, shift, bottom
        query, asked = queries[0], F.pad(queries[1], padding, mode='reflect')
        y = F.pad(y, padding, mode='reflect')
        value = self.value(y)
        rows = y.shape[2]
        if not (is_exporting() or torch.jit.is_tracing()):
            columns = len(y) * y.shape[3] // _SIDE
            rows = _SIDE * max(_WINDOWS // columns, 1)
        out = torch.cat([
            self._attend(query(part), self.key(own), values, bias)
            for part, own, values in zip(
                *(x.split(rows, 2) for x in (asked, y, value)), strict=True)
        ], 2)
        place = ..., slice(shift, shift + height), slice(shift, shift + width)
        return self.proj(self.local(value[place]) + out[place])

    def _attend(self, query: Tensor, key: Tensor, value: Tensor,
                bias: Tensor) -> Tensor:
        batch, channels, height, width = value.shape
        split = (batch, self.heads, channels // self.heads, height // _SIDE,
                 _SIDE, width // _SIDE, _SIDE)
        tokens = [
            x.reshape(split).permute(0, 3, 5, 1, 4, 6,
                                     2).reshape(-1, self.heads, _SIDE**2,
                                                split[2])
            for x in (query, key, value)
        ]
        out = F.scaled_dot_product_attention(*tokens, attn_mask=bias[None])
        out = out.view(batch, split[3], split[5], self.heads, _SIDE, _SIDE,
                       split[2])
        return out.permute(0, 3, 6, 1, 4, 2, 5).reshape(value.shape)


class Block(nn.Module):
    """Normalisation, attention, forward network without normalisation."""

    def __init__(self, channels: int, heads: int) -> None:
        super().__init__()
        self.norm = RescaleNorm(channels)
        self.attention = WindowAttention(channels, heads)
        self.mlp = nn.Sequential(nn.Conv2d(channels, 2 * channels, 1),
                                 nn.ReLU(inplace=True),
                                 nn.Conv2d(2 * channels, channels, 1))

    def forward(self, x: Tensor, bias: Tensor, shift: int = 0,
                queries: Queries | None = None) -> tuple[Tensor, Queries]:
        """(B, C, H, W) to the same shape, and the queries used."""
        y, scale, offset = self.norm(x)
        queries = queries or (self.attention.query, y)
        x = x + self.attention(y, queries, bias, shift) * scale + offset
        return x + self.mlp(x), queries


class Branch(nn.Module):
    """The first half of what belongs to one kind of pairs."""

    def __init__(self, channels: int, heads: int) -> None:
        super().__init__()
        self.embed = conv_layer(channels, channels, act=None)
        self.block = Block(channels, heads)


class Ending(nn.Module):
    """The second half: how much the other branch counts, and a block."""

    def __init__(self, channels: int, heads: int) -> None:
        super().__init__()
        self.mixing = nn.Parameter(torch.full((1, ), 0.5))
        self.block = Block(channels, heads)


@MODELS.register_module()
class GIFNet(BaseFuser):
    """Fuses luminance; 662,378 parameters by default.

    Args:
        growth (int): Channels that each layer of the encoder adds.
        heads (int): Of the attention; divides ``2 + 3 * growth``.
        widths (Sequence[int]): Of the decoder.
        kwargs: See :class:`BaseFuser`.
    """
    min_size = _SIDE

    def __init__(self, growth: int = 32, heads: int = 2,
                 widths: Sequence[int] = (128, 64, 32, 16), **kwargs) -> None:
        super().__init__(**kwargs)
        self.channels = channels = 2 + 3 * growth
        self.heads = heads
        self.encoder = DenseStack(2, growth, 3)
        self.focus = Branch(channels, heads)
        self.infrared = Branch(channels, heads)
        self.ending = Ending(channels, heads)
        self.biases = nn.ModuleList(RelativeBias(heads) for _ in range(2))
        self.unembed = conv_layer(channels, channels, act=None)
        self.merge = nn.Sequential(
            nn.Conv2d(2 * channels, channels, 1, bias=False), nn.ReLU(),
            nn.Conv2d(channels, widths[0], 1, bias=False))
        self.decoder = ConvStack((*widths, 1), 'tanh_half')

    def fuse_luma(self, vis_luma: Tensor, ir: Tensor) -> Tensor:
        """Fused luminance (B, 1, H, W) in (0, 1).

        For other pairs ``ir`` is the over-exposed image, the one focused
        near, PET, near infrared or a band.
        """
        shared = self.encoder(torch.cat((ir, vis_luma), 1))
        return self.decode(shared, self.focus, self.infrared, self.ending)

    def decode(self, shared: Tensor, main: Branch, helper: Branch,
               ending: Ending, train_helper: bool = True) -> Tensor:
        """Fuse by a branch, with the other's help.

        Args:
            shared (Tensor): Of the encoder, (B, 2 + 3 growth, H, W).
            main (Branch): That of the kind of pair.
            helper (Branch): The other; attends with the queries of
                ``main``.
            ending (Ending): Of ``main``.
            train_helper (bool): Whether gradients reach ``helper``.

        Returns:
            Tensor: (B, 1, H, W) in (0, 1).
        """
        height, width = shared.shape[-2:]
        x = F.pad(shared, (0, -width % 4, 0, -height % 4), mode='reflect')
        first, second = (bias() for bias in self.biases)
        own, queries = main.block(main.embed(x), first)
        with torch.set_grad_enabled(torch.is_grad_enabled() and train_helper):
            other, _ = helper.block(helper.embed(x), first, queries=queries)
        del x, queries
        own = own + ending.mixing * other
        own, _ = ending.block(own, second, shift=_SIDE // 2)
        own = self.unembed(own)[..., :height, :width]
        return self.decoder(self.merge(torch.cat((shared, own), 1)))
