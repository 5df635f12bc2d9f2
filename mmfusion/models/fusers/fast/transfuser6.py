"""TransFuser6 for inference: BatchNorm folded, band of rows by band.

Only maps that are needed as a whole are formed: the features, and what an
attention sums over.
"""
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmfusion.registry import FAST_FORMS

from ..transfuser6.layers import (ChannelAttention, Node, conv_doubled,
                                  doubling_kernel)
from .fold import fold_norms
from .rows import Rows, bands, join


def reflect_rows(x: Tensor, rows: Rows) -> Tensor:
    """Pad what a 3x3 convolution needs to give ``rows``.

    Args:
        x (Tensor): ``rows`` widened by one.
        rows (Rows): Of the result wanted.

    Returns:
        Tensor: Mirrored at the sides, and where the image ends.
    """
    pad = 1, 1, int(rows.first == 0), int(rows.end == rows.height)
    return F.pad(x, pad, mode='reflect')


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
        fold_norms(attention)
        attention.to(memory_format=torch.channels_last)
        self.attention = attention

    def forward(self, x: Tensor, total: Tensor | None = None) -> Tensor:
        """
        Args:
            x (Tensor): (B, C, H, W); overwritten where ``total`` is None.
            total (Tensor, optional): What to add the result to, in place.

        Returns:
            Tensor: (B, C, H, W).
        """
        attention, parts = self.attention, bands(x, halo=2)
        gram = x.new_zeros((x.shape[0], x.shape[1], x.shape[1]),
                           dtype=torch.float64)

        def first_pass(rows: Rows) -> Tensor:
            band = self._convs(attention.before, rows.widen(2).of(x), rows)
            with torch.autocast(x.device.type, enabled=False):
                tokens = attention.tokens(band)
                gram.add_(tokens.transpose(1, 2) @ tokens)
            return band

        mapped = join(parts, first_pass)
        with torch.autocast(x.device.type, enabled=False):
            mixing = attention.mixing(gram, x[0, 0].numel())
        for rows in parts:
            with torch.autocast(x.device.type, enabled=False):
                band = attention.apply_mixing(rows.widen(2).of(mapped), mixing)
            gate = self._convs(attention.after, band, rows).add_(1).mul_(0.5)
            part = rows.of(x)
            if total is None:
                part.mul_(gate)
            else:
                rows.of(total).addcmul_(part, gate)
        return x if total is None else total

    @staticmethod
    def _convs(layers: nn.ModuleList, x: Tensor, rows: Rows) -> Tensor:
        """Both layers, from ``rows`` widened by two to ``rows``."""
        x = F.relu_(layers[0](reflect_rows(x, rows.widen(1))))
        return F.relu_(layers[1](reflect_rows(x, rows)))


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

    def forward(self, skips: Sequence[Tensor], rows: Rows,
                below: Tensor) -> Tensor:
        """
        Args:
            skips (Sequence[Tensor]): Maps of the node's scale, as wide as
                the image, from ``rows`` widened by one: (B, C_i, h, W).
            rows (Rows): To compute.
            below (Tensor): Whole map of the next scale.

        Returns:
            Tensor: (B, C, rows.end - rows.first, W).
        """
        x = torch.cat(tuple(skips), dim=1) if len(skips) > 1 else skips[0]
        out = F.conv2d(reflect_rows(x, rows), self.weight, self.bias)
        out += conv_doubled(below, self.kernel, (rows.height, x.shape[3]),
                            (rows.first, rows.end))
        return F.leaky_relu_(out, 0.01)


class RowwiseTransFuser6(nn.Module):
    """The network of ``TransFuser6``; takes over its modules.

    Args:
        fuser (TransFuser6): In eval mode.
    """

    def __init__(self, fuser: nn.Module) -> None:
        super().__init__()
        self.encoders = nn.ModuleList(
            (fuser.vis_encoder,
             fuser.ir_encoder)).to(memory_format=torch.channels_last)
        self.attentions = nn.ModuleList(
            nn.ModuleList(RowwiseAttention(layer) for layer in layers)
            for layers in (fuser.vis_attentions, fuser.ir_attentions))
        self.nodes = nn.ModuleDict({
            name: RowwiseNode(node) for name, node in fuser.nodes.items()
        })
        self.to_luma = fuser.to_luma

    def forward(self, vis_luma: Tensor, ir: Tensor) -> Tensor:
        """See ``TransFuser6.fuse_luma``."""
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

        def make(rows: Rows) -> Tensor:
            wide = rows.widen(2)
            band = wide.of(x)
            if scale == 0:
                band = pointwise(band, encoder.stem)
            # zero padding is right where the image ends; elsewhere it
            # spoils the two rows that are cut off
            band = rows.within(wide, block.dense(band))
            return F.leaky_relu_(pointwise(band, block.reduce), 0.1)

        return join(bands(x, block.reduce.out_channels, halo=2), make)

    def _decode(self, features: list[Tensor]) -> Tensor:
        f1, f2, f3, f4 = features
        features.clear()
        x21 = self._node('x21', (f2, ), f3)
        x31 = self._node('x31', (f3, ), f4)
        x22 = self._node('x22', (f2, x21), x31)
        nodes = self.nodes

        def make(rows: Rows) -> Tensor:
            one, two, three = (rows.widen(halo) for halo in (1, 2, 3))
            x11 = nodes['x11']((three.of(f1), ), two, f2)
            x12 = nodes['x12']((two.of(f1), x11), one, x21)
            skips = one.of(f1), one.within(two, x11), x12
            x13 = nodes['x13'](skips, rows, x22)
            x13 = torch.tanh_(pointwise(x13, self.to_luma))
            return x13.mul_(0.5).add_(0.5)

        return join(bands(f1, 2 * f1.shape[1], halo=3), make)

    def _node(self, name: str, skips: Sequence[Tensor],
              below: Tensor) -> Tensor:

        def make(rows: Rows) -> Tensor:
            parts = [rows.widen(1).of(skip) for skip in skips]
            return self.nodes[name](parts, rows, below)

        channels = sum(skip.shape[1] for skip in skips)
        return join(bands(skips[0], channels, halo=1), make)


@FAST_FORMS.register_module(name='TransFuser6')
def fast_transfuser6(fuser: nn.Module) -> None:
    """Hand ``fuse_luma`` over to :class:`RowwiseTransFuser6`."""
    fuser.fast = RowwiseTransFuser6(fuser)
    fuser.fuse_luma = fuser.fast.__call__
    del fuser.vis_encoder, fuser.ir_encoder, fuser.nodes, fuser.to_luma
    del fuser.vis_attentions, fuser.ir_attentions
