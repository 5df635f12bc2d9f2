"""FILM for inference on a CPU: strip by strip, in place, in few buffers.

A map of 256 channels at 480x640 takes 315 MB, and writing it costs more
than computing it. Here a chain of layers runs over a strip of rows that
fits a core's cache; of each image only three maps of the branches' width
and one of twice that exist. Maps are matrices, one row a pixel, so that a
1x1 convolution is a product of matrices that writes where it belongs.
"""
from collections.abc import Iterator
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..film.layers import (GuidedBranch, RestormerBlock, TextGate,
                           normalize_gate)
from .conv import FusedConv2d
from .strips import run_in_strips

#: pixels of a strip; measured, flat between half and twice of it
STRIP_PIXELS = 8192
#: text tokens that look at the image at a time
QUERIES = 32


class Strip(NamedTuple):
    """Rows ``first`` to ``last``, for which ``new`` to ``end`` are needed
    that no strip before it needed: one more, where the image has it."""
    first: int
    last: int
    new: int
    end: int


def strips(height: int, rows: int) -> Iterator[Strip]:
    """Cover an image of ``height`` by strips of ``rows``."""
    new = 0
    for first in range(0, height, rows):
        last = min(first + rows, height)
        end = min(last + 1, height)
        yield Strip(first, last, new, end)
        new = end


def image_view(pixels: Tensor, height: int) -> Tensor:
    """Pixels (H * W, C) as an image (1, C, H, W), channels last.

    The batch comes first, so that its stride is the largest: convolutions
    tell the memory format by that.
    """
    return pixels.unflatten(0, (1, height, -1)).permute(0, 3, 1, 2)


def pixel_view(image: Tensor) -> Tensor:
    """Inverse of :func:`image_view`."""
    return image[0].permute(1, 2, 0).flatten(0, 1)


class SlidingRows:
    """The rows of a map that a 3x3 convolution needs for one strip.

    Rows that the next strip needs too are kept, the others overwritten;
    above and below the image there are zeros.

    Args:
        like (Tensor): Gives type and device.
        size (tuple[int, int]): Height and width of the image.
        rows (int): Of a strip.
        channels (int): Of the map.
    """

    def __init__(self, like: Tensor, size: tuple[int, int], rows: int,
                 channels: int) -> None:
        self.height = size[0]
        self.buffer = like.new_empty(rows + 2, size[1], channels)

    def advance(self, strip: Strip) -> Tensor:
        """Go on to a strip.

        Returns:
            Tensor: Where its new rows are to be written, (pixels, C).
        """
        if strip.first == 0:
            self.buffer[0].zero_()
        else:
            # all strips but the last are equally high
            self.buffer[:2] = self.buffer[-2:]
        count = strip.last - strip.first
        if strip.last == self.height:
            self.buffer[count + 1].zero_()
        self.image = self.buffer[None, :count + 2].permute(0, 3, 1, 2)
        above = strip.first - 1
        return self.buffer[strip.new - above:strip.end - above].flatten(0, 1)


def _side_padded(weight: Tensor, act: str = 'none') -> FusedConv2d:
    """A depthwise convolution of some channels, whose rows have halos."""
    channels = weight.shape[0]
    part = nn.Conv2d(channels, channels, 3, padding=(0, 1), groups=channels,
                     bias=False)
    part.weight.data = weight.detach()
    return FusedConv2d(part, act)


class FastRestormer(nn.Module):
    """A :class:`RestormerBlock` that works in place."""

    def __init__(self, block: RestormerBlock) -> None:
        super().__init__()
        self.block = block
        self.qkv_depthwise = _side_padded(block.qkv_depthwise.weight)
        first, second = block.expand_depthwise.weight.chunk(2)
        self.first_depthwise = _side_padded(first, 'gelu')
        self.second_depthwise = _side_padded(second)

    def forward(self, x: Tensor, value: Tensor, size: tuple[int, int]) -> None:
        """
        Args:
            x (Tensor): Pixels (H * W, C), overwritten by the result.
            value (Tensor): Room for another such map.
            size (tuple[int, int]): H and W.
        """
        mixing = self._attend(x, value, size)
        block, width = self.block, size[1]
        first_kernel, second_kernel = (
            part.flatten(1).t() for part in block.expand.weight.chunk(2))
        reduce = block.reduce.weight.flatten(1).t()
        rows = self._rows(size)
        first, second = (SlidingRows(x, size, rows, first_kernel.shape[1])
                         for _ in range(2))
        for strip in strips(size[0], rows):
            new = slice(strip.new * width, strip.end * width)
            x[new].addmm_(value[new], mixing)
            normed = _normalize(x[new], block.norm2)
            torch.mm(normed, first_kernel, out=first.advance(strip))
            torch.mm(normed, second_kernel, out=second.advance(strip))
            hidden = self.first_depthwise(first.image).mul_(
                self.second_depthwise(second.image))
            x[strip.first * width:strip.last * width].addmm_(
                pixel_view(hidden), reduce)

    def _attend(self, x: Tensor, value: Tensor, size: tuple[int,
                                                            int]) -> Tensor:
        """Write the values, return what maps them to the summand of x."""
        block, (height, width) = self.block, size
        channels = x.shape[1]
        kernel = block.qkv.weight.flatten(1).t()
        rows = self._rows(size)
        sliding = SlidingRows(x, size, rows, 3 * channels)
        gram = x.new_zeros(channels, channels, dtype=torch.float64)
        squares = x.new_zeros(2 * channels, dtype=torch.float64)
        for strip in strips(height, rows):
            normed = _normalize(x[strip.new * width:strip.end * width],
                                block.norm1)
            torch.mm(normed, kernel, out=sliding.advance(strip))
            qkv = pixel_view(self.qkv_depthwise(sliding.image))
            query, key, own = qkv.split(channels, dim=1)
            value[strip.first * width:strip.last * width] = own
            gram += query.t() @ key
            squares += qkv[:, :2 * channels].square().sum(dim=0)
        norms = squares.sqrt().unsqueeze(0).chunk(2, dim=1)
        return block.mixing(gram.unsqueeze(0), *norms)[0].to(x).t()

    @staticmethod
    def _rows(size: tuple[int, int]) -> int:
        # the rows kept for the next strip must not overlap
        return min(max(STRIP_PIXELS // size[1], 2), size[0])


def _normalize(x: Tensor, norm: nn.LayerNorm) -> Tensor:
    return F.layer_norm(x, norm.normalized_shape, norm.weight, norm.bias,
                        norm.eps)


class Workspace:
    """Buffers for one image.

    Fresh memory costs more than the work on it, since the system has to
    clear it page by page.

    Args:
        branch (GuidedBranch): Any one of the network.
        size (tuple[int, int]): Height and width of the image.
    """

    def __init__(self, branch: GuidedBranch, size: tuple[int, int]) -> None:
        channels, pixels = branch.to_tokens.in_channels, size[0] * size[1]
        token_channels = branch.to_tokens.out_channels
        height, width = branch.token_grid
        grid = height * width
        self.size = size
        # whatever the mode now, the next call may come in another one
        with torch.inference_mode(False):
            empty = branch.to_tokens.weight.new_empty
            self.both = empty(pixels, 2 * channels)
            self.wide_value = empty(pixels, 2 * channels)
            self.features, self.value = self.wide_value.view(
                2, pixels, channels)
            self.sampled, self.gated = empty(2, grid, channels)
            self.tokens, self.key = empty(2, token_channels, grid)
            row, column = _nearest(size[0], height), _nearest(size[1], width)
            self.to_grid = (row[:, None] * size[1] + column).flatten()
            self.rows, self.columns = (_nearest(height, size[0]) * width,
                                       _nearest(width, size[1]))


def _nearest(count: int, size: int) -> Tensor:
    """Which of ``count`` each of ``size`` positions takes, as in resize."""
    index = torch.arange(count, dtype=torch.float32)[None, None]
    return F.interpolate(index, size, mode='nearest')[0, 0].long()


def text_gate(gate: TextGate, text: Tensor, weights: Tensor, tokens: Tensor,
              key: Tensor) -> Tensor:
    """What ``gate`` computes, with a third of the multiplications.

    The values are linear in the tokens, so the mean of the attention's
    weights is applied to the tokens themselves. The bias of the keys adds
    the same to all that the softmax compares.

    Args:
        gate (TextGate): The trained module.
        text (Tensor): (L, C).
        weights (Tensor): (L,).
        tokens (Tensor): (N, C).
        key (Tensor): Room for the keys, (C, N).

    Returns:
        Tensor: (C,).
    """
    width, heads = tokens.shape[1], gate.heads
    to_query, to_key, to_value = gate.in_proj.weight.chunk(3)
    query_shift, _, value_shift = gate.in_proj.bias.chunk(3)
    query = F.linear(text, to_query, query_shift) * (width // heads)**-0.5
    torch.mm(to_key, tokens.t(), out=key)
    pooled = tokens.new_zeros(heads, len(tokens))
    parts = tuple(
        zip(query.split(QUERIES), weights.split(QUERIES), strict=True))
    for head, own in enumerate(key.chunk(heads)):
        columns = slice(head * len(own), (head + 1) * len(own))
        for part, weight in parts:
            attention = (part[:, columns] @ own).softmax(dim=-1)
            pooled[head].addmv_(attention.t(), weight)
    context = pooled @ tokens
    mean = torch.einsum('hc,hdc->hd', context,
                        to_value.unflatten(0, (heads, -1))).flatten()
    return normalize_gate(gate.out_proj(mean + value_shift))


class FastBranch(nn.Module):
    """A :class:`GuidedBranch` that works in given buffers."""

    def __init__(self, branch: GuidedBranch) -> None:
        super().__init__()
        self.branch = branch
        self.stem = FusedConv2d(branch.stem)
        self.block = FastRestormer(branch.block)
        self.slopes = tuple(act.weight.item()
                            for act in (branch.stem_act, branch.gated_act,
                                        branch.merge_act))

    def forward(self, x: Tensor, text: Tensor, weights: Tensor,
                work: Workspace, out: Tensor) -> None:
        """
        Args:
            x (Tensor): One image, (1, in_channels, H, W).
            text (Tensor): Its text, (L, token_dim).
            weights (Tensor): Of the text's tokens, (L,).
            work (Workspace): For images of this size.
            out (Tensor): Where to write the result, (H * W, channels); may
                be where ``x`` lies.
        """
        features, width = work.features, work.size[1]
        slope = self.slopes[0]
        run_in_strips(lambda part: F.leaky_relu_(self.stem(part), slope), x,
                      halo=1, out=image_view(features, work.size[0]))
        self.block(features, work.value, work.size)
        guided = self._guide(text, weights, work)
        own = self.branch.merge_weights()[0].flatten(1).t()
        for strip in strips(work.size[0], max(STRIP_PIXELS // width, 1)):
            rows = slice(strip.first * width, strip.last * width)
            row = work.rows[strip.first:strip.last, None]
            part = guided[(row + work.columns).flatten()]
            part.addmm_(features[rows], own)
            out[rows] = F.leaky_relu_(part, self.slopes[2])

    def _guide(self, text: Tensor, weights: Tensor, work: Workspace) -> Tensor:
        """See the trained branch; at the grid's size, (pixels, channels).

        The bias of the last layer is in it.
        """
        branch, tokens = self.branch, work.tokens
        torch.index_select(work.features, 0, work.to_grid, out=work.sampled)
        torch.addmm(branch.to_tokens.bias.unsqueeze(1),
                    branch.to_tokens.weight.flatten(1), work.sampled.t(),
                    out=tokens)
        cut = tokens.view(-1, branch.token_dim)
        cut *= text_gate(branch.gate, text, weights, cut,
                         work.key.view(branch.token_dim, -1))
        torch.addmm(branch.from_tokens.bias, tokens.t(),
                    branch.from_tokens.weight.flatten(1).t(), out=work.gated)
        F.leaky_relu_(work.gated, self.slopes[1])
        return torch.addmm(branch.merge.bias, work.gated,
                           branch.merge_weights()[1].flatten(1).t(),
                           out=work.sampled)


class FastFILM(nn.Module):
    """The network of ``FILMFusion``, image by image.

    Its buffers are kept for the next image of the same size.

    Args:
        fuser (FILMFusion): In eval mode; its layers are shared.
    """

    def __init__(self, fuser: nn.Module) -> None:
        super().__init__()
        self.vis_stages, self.ir_stages = (nn.ModuleList(
            FastBranch(stage) for stage in stages)
                                           for stages in (fuser.vis_stages,
                                                          fuser.ir_stages))
        wide, self.narrow, *blocks, self.to_luma = fuser.decoder
        self.wide = FastRestormer(wide)
        self.blocks = nn.ModuleList(FastRestormer(block) for block in blocks)
        self._spare: list[Workspace] = []

    def fits(self, *images: Tensor) -> bool:
        """Whether this way is open: float32 on a CPU, no gradients."""
        types = {self.narrow.weight.dtype, *(x.dtype for x in images)}
        wanted = torch.is_grad_enabled() and any(x.requires_grad
                                                 for x in images)
        return (types == {torch.float32} and all(x.device.type == 'cpu'
                                                 for x in images)
                and not wanted and not torch.is_autocast_enabled('cpu')
                and not torch.compiler.is_compiling())

    def forward(self, vis_luma: Tensor, ir: Tensor, text: Tensor,
                weights: Tensor) -> Tensor:
        """See ``FILMFusion.fuse_luma``; the text is projected."""
        out = torch.empty_like(vis_luma)
        size = tuple(vis_luma.shape[-2:])
        # taken away, so that calls from two threads do not share one
        work = self._spare.pop() if self._spare else None
        if work is None or work.size != size:
            work = Workspace(self.vis_stages[0].branch, size)
        # image by image: a batch would only take more memory
        for index in range(len(out)):
            real = weights[index] > 0
            inputs = ir[index:index + 1], vis_luma[index:index + 1]
            for stages, x, part in zip(
                (self.ir_stages, self.vis_stages), inputs,
                    work.both.chunk(2, dim=1), strict=True):
                for stage in stages:
                    stage(x, text[index][real], weights[index][real], work,
                          part)
                    x = image_view(part, size[0])
            self._decode(work, out[index].flatten())
        self._spare[:] = [work]
        return out

    def _decode(self, work: Workspace, out: Tensor) -> None:
        x, size = work.features, work.size
        self.wide(work.both, work.wide_value, size)
        torch.addmm(self.narrow.bias, work.both,
                    self.narrow.weight.flatten(1).t(), out=x)
        for block in self.blocks:
            block(x, work.value, size)
        torch.addmv(self.to_luma.bias, x, self.to_luma.weight.flatten(),
                    out=out).sigmoid_()
