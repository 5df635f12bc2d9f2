"""Building blocks of TransFuser6.

They are laid out to keep few tensors for the backward pass: reflection
padding comes before the (element-wise, in-place) activation so that only
the padded tensor stays, the decoder's convolutions over a concatenation are
sums of convolutions over its parts, and the attention never forms queries
and keys.

Training keeps PyTorch's default memory format on purpose: on CPUs
BatchNorm's sums over channels-last maps are ten times less exact (torch
2.12), which these networks amplify to percents of the gradient.
"""
from collections import OrderedDict
from collections.abc import Sequence
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def reflect(x: Tensor) -> Tensor:
    """Pad (B, C, H, W) by one pixel on each side, mirrored."""
    return F.pad(x, (1, 1, 1, 1), mode='reflect')


class DenseBlock(nn.Module):
    """Two densely connected 3x3 convolutions and a 1x1 reduction.

    Args:
        in_channels (int): Input channels.
        out_channels (int): Output channels.
    """

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        c = in_channels
        self.conv1 = nn.Conv2d(c, c, 3, padding=1)
        self.conv2 = nn.Conv2d(2 * c, c, 3, padding=1)
        self.reduce = nn.Conv2d(3 * c, out_channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(B, in_channels, H, W) to (B, out_channels, H, W)."""
        return F.leaky_relu_(self.reduce(self.dense(x)), 0.1)

    def dense(self, x: Tensor) -> Tensor:
        """(B, C, H, W) to all that the reduction reads, (B, 3 C, H, W)."""
        x = torch.cat((x, F.leaky_relu_(self.conv1(x), 0.2)), dim=1)
        return torch.cat((x, F.leaky_relu_(self.conv2(x), 0.2)), dim=1)


class Encoder(nn.Module):
    """Features of one modality at full, 1/2, 1/4 and 1/8 size.

    Args:
        stem_channels (int): Width of the first layer.
        channels (Sequence[int]): Width of each scale.
    """

    def __init__(self, stem_channels: int, channels: Sequence[int]) -> None:
        super().__init__()
        self.stem = nn.Conv2d(1, stem_channels, 1)
        widths = (stem_channels, *channels)
        self.blocks = nn.ModuleList(
            DenseBlock(*pair) for pair in pairwise(widths))

    def forward(self, x: Tensor) -> list:
        """(B, 1, H, W) to one feature map a scale."""
        x = self.stem(x)
        features = []
        for k, block in enumerate(self.blocks):
            x = block(F.max_pool2d(x, 2) if k else x)
            features.append(x)
        return features


def conv_norm(channels: int) -> nn.Sequential:
    """3x3 convolution without padding, BatchNorm."""
    return nn.Sequential(
        OrderedDict(conv=nn.Conv2d(channels, channels, 3),
                    norm=nn.BatchNorm2d(channels)))


def _memory_format(x: Tensor) -> torch.memory_format:
    # channels vary fastest
    last = x.stride(1) == 1 and x.shape[1] > 1
    return torch.channels_last if last else torch.contiguous_format


class ChannelAttention(nn.Module):
    """Attention between the channels of a feature map.

    A head's map is softmax over the query channels of ``s * q^T k``, with
    ``q = T Wq^T`` and ``k = T Wk^T`` for the tokens ``T`` (N x C). Hence it
    depends on ``T`` through the C x C matrix ``T^T T`` alone, and what
    follows up to the normalisation is one linear map of ``T``: nothing of
    size N x d is formed, in training either.

    Args:
        channels (int): Width C.
        heads (int): Number of heads; divides ``channels``.
        attn_norm (bool): Whether to divide ``q^T k`` by the number of
            pixels, so that it does not grow with the image.
    """

    def __init__(self, channels: int, heads: int,
                 attn_norm: bool = False) -> None:
        super().__init__()
        self.heads = heads
        self.attn_norm = attn_norm
        self.before = nn.ModuleList(conv_norm(channels) for _ in range(2))
        self.query = nn.Linear(channels, channels, bias=False)
        self.key = nn.Linear(channels, channels, bias=False)
        self.value = nn.Linear(channels, channels, bias=False)
        self.project = nn.Linear(channels, channels)
        self.norm = nn.LayerNorm(channels)
        self.after = nn.ModuleList(conv_norm(channels) for _ in range(2))

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) to the same; multiplies it by at least one."""
        gate = self._convs(self.before, x)
        gate = self._convs(self.after, self.attend(gate))
        return torch.addcmul(x, x, gate)

    @staticmethod
    def _convs(layers: nn.ModuleList, x: Tensor) -> Tensor:
        x = F.relu_(reflect(layers[0](reflect(x))))
        return F.relu_(layers[1](x))

    def attend(self, x: Tensor) -> Tensor:
        """The attention with its projection and normalisation.

        Runs in float32 at least, also under autocast: sums over all pixels
        do not fit half precision.
        """
        with torch.autocast(x.device.type, enabled=False):
            tokens = self.tokens(x)
            gram = tokens.transpose(1, 2) @ tokens
            return self.apply_mixing(x, self.mixing(gram, tokens.shape[1]))

    @staticmethod
    def tokens(x: Tensor) -> Tensor:
        """(B, C, H, W) to (B, H * W, C), in float32 at least."""
        dtype = torch.promote_types(x.dtype, torch.float32)
        return x.flatten(2).transpose(1, 2).to(dtype)

    def mixing(self, gram: Tensor, pixels: int) -> Tensor:
        """The linear map that attention and projection amount to.

        Args:
            gram (Tensor): Sum of the tokens' outer products, (B, C, C).
            pixels (int): Number of tokens.

        Returns:
            Tensor: (B, C, C), to be multiplied to tokens from the right.
        """
        c = gram.shape[-1]
        d = c // self.heads
        query, key, value = (layer.weight.to(gram.dtype).view(
            self.heads, d, c) for layer in (self.query, self.key, self.value))
        project = self.project.weight.to(gram.dtype).view(c, self.heads, d)
        # products instead of einsum, which ONNX has from opset 12 on only
        logits = query @ gram.unsqueeze(1) @ key.transpose(1, 2)
        scale = d**-0.5 / (pixels if self.attn_norm else 1)
        context = (logits * scale).softmax(dim=-2)
        mixed = value.transpose(1, 2) @ context @ project.permute(1, 2, 0)
        return mixed.sum(dim=1)

    def apply_mixing(self, x: Tensor, mixing: Tensor) -> Tensor:
        """Mix channels of (B, C, H, W), add the bias, normalise.

        Returns:
            Tensor: In the memory format of ``x``.
        """
        b, c, height, width = x.shape
        tokens = self.tokens(x)
        shift, weight, bias = (value.to(tokens.dtype)
                               for value in (self.project.bias,
                                             self.norm.weight, self.norm.bias))
        out = torch.baddbmm(shift, tokens, mixing.to(tokens.dtype))
        out = F.layer_norm(out.flatten(0, 1), (c, ), weight, bias,
                           self.norm.eps)
        out = out.view(b, height, width, c).permute(0, 3, 1, 2)
        return out.contiguous(memory_format=_memory_format(x))


def doubling_kernel(weight: Tensor) -> Tensor:
    """Kernel of :func:`conv_doubled` from that of a 3x3 convolution.

    Args:
        weight (Tensor): (out, in, 3, 3).

    Returns:
        Tensor: (in, out, 4, 4).
    """
    kernel = F.pad(weight, (1, 1, 1, 1))
    kernel = kernel[..., 1:, :] + kernel[..., :-1, :]
    kernel = kernel[..., 1:] + kernel[..., :-1]
    return kernel.flip(-2, -1).transpose(0, 1)


def conv_doubled(x: Tensor, kernel: Tensor, size: tuple[int, int],
                 rows: tuple[int, int]) -> Tensor:
    """Double the size, pad by mirroring, 3x3 convolution.

    Doubling (nearest) and a 3x3 convolution are one transposed 4x4
    convolution of stride 2, with 4/9 of the multiplications. Mirroring a
    doubled image, both to an odd size and around it, repeats the border of
    the small one.

    Args:
        x (Tensor): (B, C, H // 2, W // 2).
        kernel (Tensor): See :func:`doubling_kernel`.
        size (tuple[int, int]): H and W.
        rows (tuple[int, int]): First and end row of the result wanted.

    Returns:
        Tensor: (B, out, rows[1] - rows[0], W).
    """
    first, last = rows
    low, high = (first - 1) // 2, last // 2 + 1
    top, bottom = max(-low, 0), max(high - x.shape[2], 0)
    x = F.pad(x[:, :, low + top:high - bottom], (1, 1, top, bottom),
              mode='replicate')
    cut = 1 + first - 2 * low
    short = last - first - (2 * (high - low) + 2 - 2 * cut)
    out = F.conv_transpose2d(x, kernel, stride=2, padding=(cut, 3),
                             output_padding=(max(short, 0), size[1] % 2))
    return out[:, :, :last - first]


class Node(nn.Module):
    """A node of the decoder: padded 3x3 convolution, LeakyReLU 0.01.

    Args:
        skip_channels (int): Channels of all maps of the node's own scale.
        up_channels (int): Channels of the map of the next coarser scale.
        out_channels (int): Output channels.
    """

    def __init__(self, skip_channels: int, up_channels: int,
                 out_channels: int) -> None:
        super().__init__()
        self.up_channels = up_channels
        self.conv = nn.Conv2d(skip_channels + up_channels, out_channels, 3)
        self.register_buffer('kernel', None, persistent=False)

    @torch.no_grad()
    def reparameterize(self) -> None:
        """Fix the kernel of the coarser map, as exporters want it."""
        self.kernel = doubling_kernel(self.conv.weight[:, -self.up_channels:])

    def forward(self, skips: Sequence[Tensor], below: Tensor) -> Tensor:
        """
        Args:
            skips (Sequence[Tensor]): Maps of the node's scale, padded:
                (B, C_i, H + 2, W + 2).
            below (Tensor): (B, up_channels, H // 2, W // 2).

        Returns:
            Tensor: (B, out_channels, H, W), before the activation.
        """
        weights = self.conv.weight.split(
            [*(skip.shape[1] for skip in skips), self.up_channels], dim=1)
        out = F.conv2d(skips[0], weights[0], self.conv.bias)
        for skip, weight in zip(skips[1:], weights[1:-1], strict=True):
            out.add_(F.conv2d(skip, weight))
        size = out.shape[-2:]
        kernel = (doubling_kernel(weights[-1])
                  if self.kernel is None else self.kernel)
        return out.add_(conv_doubled(below, kernel, size, (0, size[0])))
