"""Building blocks of FILM: Restormer blocks and text-guided branches.

Maps are kept channels last, where a pixel's channels are one token. What a
mean or a resize by nearest neighbour commutes with is done on the smaller
side of it.
"""
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmfusion.models.layers import recompute
from mmfusion.utils.torch_features import is_exporting


def full_precision(x: Tensor) -> Tensor:
    """``x`` in float32 at least: sums over pixels overflow in half."""
    return x.to(torch.promote_types(x.dtype, torch.float32))


def resize(x: Tensor, size: tuple[int, int]) -> Tensor:
    """Nearest neighbour to (height, width); PyTorch's own index rule.

    Another rule, such as that of ``'nearest-exact'``, picks other pixels at
    some sizes, and the tokens are made of single pixels. ONNX divides where
    PyTorch multiplies, so that a rounded 4.9999999 takes the fourth pixel
    for the fifth: exported graphs get the numbers of the pixels.
    """
    if tuple(x.shape[-2:]) == tuple(size):
        return x
    if not (torch.jit.is_tracing() or is_exporting()):
        return F.interpolate(x, size, mode='nearest')
    for dim, target in ((2, size[0]), (3, size[1])):
        x = x.index_select(dim,
                           nearest_indices(x.shape[dim], target).to(x.device))
    return x


def nearest_indices(source: int, target: int) -> Tensor:
    """Numbers of the pixels that ``F.interpolate(mode='nearest')`` takes.

    Args:
        source (int): Length of the input.
        target (int): Length of the output.

    Returns:
        Tensor: (target, ) of int64.
    """
    places = torch.arange(target, dtype=torch.float32) * (source / target)
    return places.floor().clamp(max=source - 1).long()


class PixelNorm(nn.LayerNorm):
    """LayerNorm over the channels of every pixel, of (B, C, H, W)."""

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) to the same shape, channels last."""
        return super().forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class RestormerBlock(nn.Module):
    """Attention between channels, then a gated forward network.

    Source: Zamir et al., "Restormer: Efficient Transformer for
    High-Resolution Image Restoration", CVPR 2022, arXiv 2111.09881, without
    biases in the convolutions. The attended values and the projection after
    them are one C x C matrix a pair, so normalised queries and keys are
    never formed.

    Args:
        channels (int): Width, a multiple of ``heads``.
        heads (int): Attention heads.
        expansion (int): Width of the forward network's hidden layer by
            ``channels``.
        with_cp (bool): Keep the inputs of both halves alone for the
            backward pass, and compute the rest anew there.
    """

    def __init__(self, channels: int, heads: int = 8, expansion: int = 4,
                 with_cp: bool = False) -> None:
        super().__init__()
        self.heads = heads
        self.with_cp = with_cp
        wide = 2 * expansion * channels
        self.norm1 = PixelNorm(channels)
        self.temperature = nn.Parameter(torch.ones(heads, 1, 1))
        self.qkv = nn.Conv2d(channels, 3 * channels, 1, bias=False)
        self.qkv_depthwise = _depthwise(3 * channels)
        self.project = nn.Conv2d(channels, channels, 1, bias=False)
        self.norm2 = PixelNorm(channels)
        self.expand = nn.Conv2d(channels, wide, 1, bias=False)
        self.expand_depthwise = _depthwise(wide)
        self.reduce = nn.Conv2d(wide // 2, channels, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) to the same shape."""
        for half in (self._attend, self._feed):
            x = recompute(self, half, x) if self.with_cp else half(x)
        return x

    def _attend(self, x: Tensor) -> Tensor:
        qkv = self.qkv_depthwise(self.qkv(self.norm1(x)))
        b, _, h, w = qkv.shape
        tokens = qkv.permute(0, 2, 3, 1).flatten(1, 2)
        query, key, value = tokens.chunk(3, dim=2)
        with torch.autocast(x.device.type, enabled=False):
            query, key = full_precision(query), full_precision(key)
            gram = query.transpose(1, 2) @ key
            mixing = self.mixing(gram, query.norm(dim=1), key.norm(dim=1))
        out = value @ mixing.to(value.dtype).transpose(1, 2)
        # views: ONNX has no unflatten before opset 13
        return x + out.reshape(b, h, w, -1).permute(0, 3, 1, 2)

    def mixing(self, gram: Tensor, query_norm: Tensor,
               key_norm: Tensor) -> Tensor:
        """Attention and projection as one matrix.

        Args:
            gram (Tensor): Queries by keys, summed over pixels, (B, C, C).
            query_norm (Tensor): Their Euclidean norms over pixels, (B, C).
            key_norm (Tensor): (B, C).

        Returns:
            Tensor: (B, C, C); what is added to a pixel is this times its
            values.
        """
        scale = query_norm.clamp_min(1e-12)[:, :, None] * key_norm.clamp_min(
            1e-12)[:, None]
        shape = (self.heads, self.project.out_channels // self.heads)
        # blocks on the diagonal: (B, head, query channel, key channel);
        # ONNX has no diagonal before opset 13
        logits = (gram / scale).reshape(-1, *shape, *shape)
        logits = torch.stack(
            [logits[:, head, :, head] for head in range(self.heads)], dim=1)
        temperature = self.temperature.to(logits.dtype)
        weights = (logits * temperature).softmax(dim=-1)
        project = self.project.weight.to(logits.dtype).flatten(1)
        # a product instead of einsum, which ONNX has from opset 12 on only
        mixed = project.reshape(-1, *shape).transpose(0, 1) @ weights
        return mixed.transpose(1, 2).flatten(2)

    def _feed(self, x: Tensor) -> Tensor:
        wide = self.expand_depthwise(self.expand(self.norm2(x)))
        first, second = wide.chunk(2, dim=1)
        return x + self.reduce(F.gelu(first) * second)


def _depthwise(channels: int) -> nn.Conv2d:
    return nn.Conv2d(channels, channels, 3, padding=1, groups=channels,
                     bias=False)


class TextGate(nn.Module):
    """How much the text asks for each of the 256 entries of a token.

    Cross attention from text to image tokens, averaged over the text. Only
    that mean is used, so it is taken before the projection, and no map
    between text and image is stored.

    Args:
        channels (int): Width of the tokens, a multiple of ``heads``.
        heads (int): Attention heads.
    """

    def __init__(self, channels: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.in_proj = nn.Linear(channels, 3 * channels)
        self.out_proj = nn.Linear(channels, channels)
        nn.init.xavier_uniform_(self.in_proj.weight)
        nn.init.zeros_(self.in_proj.bias)
        nn.init.zeros_(self.out_proj.bias)

    def forward(self, text: Tensor, weights: Tensor, tokens: Tensor) -> Tensor:
        """Attend.

        Args:
            text (Tensor): (B, L, C).
            weights (Tensor): Of the text's tokens in the mean, (B, L),
                summing to one; padding has 0.
            tokens (Tensor): Of the image, (B, N, C).

        Returns:
            Tensor: (B, 1, C), absolute values summing to one.
        """
        width = text.shape[2]
        split = (self.heads, width // self.heads)
        matrix, shift = self.in_proj.weight, self.in_proj.bias
        query = F.linear(text, matrix[:width], shift[:width])
        key, value = F.linear(tokens, matrix[width:],
                              shift[width:]).chunk(2, dim=2)
        attended = F.scaled_dot_product_attention(
            *(x.reshape(*x.shape[:2], *split).transpose(1, 2)
              for x in (query, key, value)))
        attended = attended.transpose(1, 2).flatten(2)
        mean = weights.to(attended.dtype).unsqueeze(1) @ attended
        return normalize_gate(self.out_proj(mean))


def normalize_gate(gate: Tensor) -> Tensor:
    """Divide by the sum of absolute values over the last axis."""
    return F.normalize(full_precision(gate), p=1, dim=-1)


class GuidedBranch(nn.Module):
    """One modality in one stage: features, and their gating by the text.

    The features, resized to a fixed grid, are cut into tokens of
    ``token_dim`` values that follow each other in memory (channel by
    channel, row by row), whatever pixels they belong to.

    Args:
        in_channels (int): Channels of the input.
        channels (int): Width of the features.
        token_dim (int): Width of a token.
        token_channels (int): Channels of the map that the tokens are cut
            from.
        num_heads (int): Heads of all attentions.
        token_grid (tuple[int, int]): Height and width of that map.
        with_cp (bool): See :class:`RestormerBlock`; also for the gating.
    """

    def __init__(self, in_channels: int, channels: int, token_dim: int,
                 token_channels: int, num_heads: int,
                 token_grid: tuple[int, int], with_cp: bool) -> None:
        super().__init__()
        self.token_dim = token_dim
        self.token_grid = token_grid
        self.with_cp = with_cp
        self.stem = nn.Conv2d(in_channels, channels, 3, padding=1, bias=False)
        self.stem_act = nn.PReLU()
        self.block = RestormerBlock(channels, num_heads, with_cp=with_cp)
        self.to_tokens = nn.Conv2d(channels, token_channels, 1)
        self.gate = TextGate(token_dim, num_heads)
        self.from_tokens = nn.Conv2d(token_channels, channels, 1)
        self.gated_act = nn.PReLU()
        self.merge = nn.Conv2d(2 * channels, channels, 1)
        self.merge_act = nn.PReLU()

    def forward(self, x: Tensor, text: Tensor, weights: Tensor) -> Tensor:
        """Features of the modality, guided by the text.

        Args:
            x (Tensor): (B, in_channels, H, W).
            text (Tensor): (B, L, token_dim).
            weights (Tensor): See :class:`TextGate`.

        Returns:
            Tensor: (B, channels, H, W).
        """
        x = self.stem(x).contiguous(memory_format=torch.channels_last)
        features = self.block(self.stem_act(x))
        call: Callable = self._guide
        args = features, text, weights
        guided = recompute(self, call, *args) if self.with_cp else call(*args)
        own, _ = self.merge_weights()
        return self.merge_act(
            F.conv2d(features, own, self.merge.bias) + guided)

    def merge_weights(self) -> tuple[Tensor, Tensor]:
        """Kernels (C, C, 1, 1) of the features and of the gated map.

        The layer reads the features and their sum with the gated map; by
        linearity that is a layer of the features and one of the map.
        """
        first, second = self.merge.weight.chunk(2, dim=1)
        return first + second, second

    def _guide(self, features: Tensor, text: Tensor,
               weights: Tensor) -> Tensor:
        """What the gated map adds to the merged features."""
        size = features.shape[-2:]
        grid = self.token_grid
        few = size[0] * size[1] < grid[0] * grid[1]
        tokens = self.to_tokens(features) if few else features
        tokens = resize(tokens, grid)
        tokens = tokens if few else self.to_tokens(tokens)
        shape = tokens.shape
        tokens = tokens.reshape(shape[0], -1, self.token_dim)
        gated = tokens * self.gate(text, weights, tokens).to(tokens.dtype)
        gated = gated.reshape(shape)
        gated = resize(gated, size) if few else gated
        gated = self.gated_act(self.from_tokens(gated))
        gated = F.conv2d(gated, self.merge_weights()[1])
        return gated if few else resize(gated, size)
