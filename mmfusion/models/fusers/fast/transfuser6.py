"""TransFuser6 for inference: BatchNorm folded, band of rows by band.

At full size the network is bound by memory: a map of 32 channels at 480x640
takes 39 MB, which the allocator returns to the system and faults in again
each time. Here a chain of layers runs over a band of rows at a time, so
that what is between them stays small; only maps that are needed as a whole
are formed: the features, and what an attention sums over.
"""
from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from ..transfuser6.layers import (ChannelAttention, Encoder, Node,
                                  conv_doubled, doubling_kernel)

#: bytes of one map of a band; measured, flat between half and twice of it
BAND_BYTES = 4 * 2**20

Rows = tuple[int, int]


def band_height(x: Tensor, channels: int) -> int:
    """Rows of a band for maps of ``channels`` as wide as ``x``."""
    row = x.shape[0] * x.shape[3] * channels * x.element_size()
    return max(16, BAND_BYTES // row)


def widen(rows: Rows, halo: int, height: int) -> Rows:
    """Add rows on both sides as far as the image has them."""
    return max(rows[0] - halo, 0), min(rows[1] + halo, height)


def by_bands(height: int, step: int, make: Callable[[Rows], Tensor]) -> Tensor:
    """Put an image together from bands of rows.

    Args:
        height (int): Of the image.
        step (int): Rows of a band.
        make (callable): ``make((first, end))`` gives (B, C, end - first, W).

    Returns:
        Tensor: (B, C, height, W), channels last.
    """
    out: Tensor | None = None
    for first in range(0, height, step):
        rows = first, min(first + step, height)
        band = make(rows)
        if out is None:
            if rows[1] == height:
                return band
            b, c, _, w = band.shape
            out = torch.empty((b, c, height, w), dtype=band.dtype,
                              device=band.device,
                              memory_format=torch.channels_last)
        out[:, :, rows[0]:rows[1]] = band
    return out


def reflect_rows(x: Tensor, rows: Rows, height: int) -> Tensor:
    """Pad what a 3x3 convolution needs to give ``rows``.

    Args:
        x (Tensor): ``rows`` widened by one.
        rows (tuple[int, int]): First and end row of the result wanted.
        height (int): Of the image.

    Returns:
        Tensor: Mirrored at the sides, and where the image ends.
    """
    return F.pad(x, (1, 1, int(rows[0] == 0), int(rows[1] == height)),
                 mode='reflect')


def _channels_last(module: nn.Module) -> nn.Module:
    return module.to(memory_format=torch.channels_last)


def pointwise(x: Tensor, conv: nn.Conv2d) -> Tensor:
    """A 1x1 convolution as a product of matrices, channels last.

    PyTorch's own takes a detour through other memory formats, depending on
    the number of threads.
    """
    x = F.linear(x.permute(0, 2, 3, 1), conv.weight.flatten(1), conv.bias)
    return x.permute(0, 3, 1, 2)


class RowwiseAttention(nn.Module):
    """A :class:`ChannelAttention` that works in place on its input.

    ``forward`` gives half of the attended features, so that both
    modalities' results only have to be added.

    Args:
        attention (ChannelAttention): In eval mode.
    """

    def __init__(self, attention: ChannelAttention) -> None:
        super().__init__()
        before, after = ([
            _channels_last(fuse_conv_bn_eval(layer.conv, layer.norm))
            for layer in layers
        ] for layers in (attention.before, attention.after))
        # relu(z) / 2 = relu(z / 2)
        after[1].weight.data.mul_(0.5)
        after[1].bias.data.mul_(0.5)
        self.before, self.after = nn.ModuleList(before), nn.ModuleList(after)
        self.attention = attention
        del attention.before, attention.after

    def forward(self, x: Tensor, total: Tensor | None = None) -> Tensor:
        """
        Args:
            x (Tensor): (B, C, H, W); overwritten where ``total`` is None.
            total (Tensor, optional): What to add the result to, in place.

        Returns:
            Tensor: (B, C, H, W).
        """
        height, step = x.shape[2], band_height(x, x.shape[1])
        gram = x.new_zeros((x.shape[0], x.shape[1], x.shape[1]),
                           dtype=torch.float64)

        def first_pass(rows: Rows) -> Tensor:
            wide = widen(rows, 2, height)
            band = self._convs(self.before, x[:, :, wide[0]:wide[1]], rows,
                               height)
            with torch.autocast(x.device.type, enabled=False):
                tokens = self.attention.tokens(band)
                gram.add_(tokens.transpose(1, 2) @ tokens)
            return band

        mapped = by_bands(height, step, first_pass)
        with torch.autocast(x.device.type, enabled=False):
            mixing = self.attention.mixing(gram, height * x.shape[3])
        for first in range(0, height, step):
            rows = first, min(first + step, height)
            wide = widen(rows, 2, height)
            with torch.autocast(x.device.type, enabled=False):
                band = self.attention.apply_mixing(
                    mapped[:, :, wide[0]:wide[1]], mixing)
            gate = self._convs(self.after, band, rows, height).add_(0.5)
            part = x[:, :, rows[0]:rows[1]]
            if total is None:
                part.mul_(gate)
            else:
                total[:, :, rows[0]:rows[1]].addcmul_(part, gate)
        return x if total is None else total

    @staticmethod
    def _convs(layers: nn.ModuleList, x: Tensor, rows: Rows,
               height: int) -> Tensor:
        """Both layers, from ``rows`` widened by two to ``rows``."""
        x = F.relu_(layers[0](reflect_rows(x, widen(rows, 1, height), height)))
        return F.relu_(layers[1](reflect_rows(x, rows, height)))


class RowwiseNode(nn.Module):
    """A :class:`Node` with its activation, for some rows of the image."""

    def __init__(self, node: Node) -> None:
        super().__init__()
        weight = node.conv.weight.detach()
        skip = weight[:, :-node.up_channels]
        self.weight = nn.Parameter(
            skip.contiguous(memory_format=torch.channels_last), False)
        self.bias = node.conv.bias
        self.kernel = nn.Parameter(
            doubling_kernel(weight[:, -node.up_channels:]).contiguous(), False)

    def forward(self, skips: Sequence[Tensor], rows: Rows, below: Tensor,
                size: tuple[int, int]) -> Tensor:
        """
        Args:
            skips (Sequence[Tensor]): Maps of the node's scale, as wide as
                the image, from ``rows`` widened by one: (B, C_i, h, W).
            rows (tuple[int, int]): Rows to compute.
            below (Tensor): Whole map of the next scale.
            size (tuple[int, int]): Height and width of the node's scale.

        Returns:
            Tensor: (B, C, rows[1] - rows[0], W).
        """
        x = torch.cat(tuple(skips), dim=1) if len(skips) > 1 else skips[0]
        x = reflect_rows(x, rows, size[0])
        out = F.conv2d(x, self.weight, self.bias)
        out += conv_doubled(below, self.kernel, size, rows)
        return F.leaky_relu_(out, 0.01)


class RowwiseTransFuser6(nn.Module):
    """The network of ``TransFuser6``; takes over the modules given."""

    def __init__(self, vis_encoder: Encoder, ir_encoder: Encoder,
                 vis_attentions: nn.ModuleList, ir_attentions: nn.ModuleList,
                 nodes: nn.ModuleDict, to_luma: nn.Conv2d) -> None:
        super().__init__()
        self.encoders = _channels_last(nn.ModuleList(
            (vis_encoder, ir_encoder)))
        self.attentions = nn.ModuleList(
            nn.ModuleList(RowwiseAttention(layer) for layer in layers)
            for layers in (vis_attentions, ir_attentions))
        self.nodes = nn.ModuleDict({
            name: RowwiseNode(node)
            for name, node in nodes.items()
        })
        self.to_luma = to_luma

    def forward(self, vis_luma: Tensor, ir: Tensor) -> Tensor:
        """(B, 1, H, W) each to the fused luminance (B, 1, H, W)."""
        inputs = [vis_luma, ir]
        features: list[Tensor] = []
        for scale in range(4):
            total = None
            for m in range(2):
                x = self._encode(m, scale, inputs[m])
                if scale < 3:
                    inputs[m] = F.max_pool2d(x, 2)
                total = self.attentions[m][scale](x, total)
            features.append(total)
        return self._decode(features)

    def _encode(self, modality: int, scale: int, x: Tensor) -> Tensor:
        encoder = self.encoders[modality]
        block = encoder.blocks[scale]
        height = x.shape[2]

        def make(rows: Rows) -> Tensor:
            wide = widen(rows, 2, height)
            band = x[:, :, wide[0]:wide[1]]
            if scale == 0:
                band = pointwise(band, encoder.stem)
            # zero padding is right where the image ends; elsewhere it
            # spoils the two rows that are cut off
            band = block.dense(band)
            band = band[:, :, rows[0] - wide[0]:rows[1] - wide[0]]
            return F.leaky_relu_(pointwise(band, block.reduce), 0.1)

        step = band_height(x, block.reduce.out_channels)
        return by_bands(height, step, make)

    def _decode(self, features: list[Tensor]) -> Tensor:
        f1, f2, f3, f4 = features
        features.clear()
        x21 = self._node('x21', (f2, ), f3)
        x31 = self._node('x31', (f3, ), f4)
        x22 = self._node('x22', (f2, x21), x31)
        size = f1.shape[2:]
        nodes = self.nodes

        def make(rows: Rows) -> Tensor:
            halo1, halo2, halo3 = (widen(rows, halo, size[0])
                                   for halo in (1, 2, 3))

            def cut(x: Tensor, have: Rows, want: Rows) -> Tensor:
                return x[:, :, want[0] - have[0]:want[1] - have[0]]

            f = f1[:, :, halo3[0]:halo3[1]]
            x11 = nodes['x11']((f, ), halo2, f2, size)
            f = cut(f, halo3, halo2)
            x12 = nodes['x12']((f, x11), halo1, x21, size)
            skips = cut(f, halo2, halo1), cut(x11, halo2, halo1), x12
            x13 = nodes['x13'](skips, rows, x22, size)
            x13 = torch.tanh_(pointwise(x13, self.to_luma))
            return x13.mul_(0.5).add_(0.5)

        return by_bands(size[0], band_height(f1, 2 * f1.shape[1]), make)

    def _node(self, name: str, skips: Sequence[Tensor],
              below: Tensor) -> Tensor:
        size = skips[0].shape[2:]

        def make(rows: Rows) -> Tensor:
            wide = widen(rows, 1, size[0])
            parts = [skip[:, :, wide[0]:wide[1]] for skip in skips]
            return self.nodes[name](parts, rows, below, size)

        channels = sum(skip.shape[1] for skip in skips)
        return by_bands(size[0], band_height(skips[0], channels), make)
