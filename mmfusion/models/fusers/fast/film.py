"""FILM for inference on a CPU: band by band, in place.

A map of 256 channels at 480x640 takes 315 MB, and writing it costs more
than computing it. Here a chain of layers runs over a band of rows that fits
a core's cache. Maps are matrices, one row a pixel, so that a 1x1 convolution
is a product of matrices that writes where it belongs.
"""
from collections.abc import Iterator
from contextlib import contextmanager

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmfusion.registry import FAST_FORMS

from ..film import FILMFusion
from ..film.layers import (GuidedBranch, RestormerBlock, TextGate,
                           nearest_indices, normalize_gate, resize)
from .conv import FusedConv2d, is_plain
from .rows import Rows, bands, by_rows

#: text tokens that look at the image at a time
QUERIES = 32


def pixel_view(image: Tensor) -> Tensor:
    """One image (1, C, H, W), channels last, as pixels (H * W, C)."""
    return image[0].permute(1, 2, 0).view(-1, image.shape[1])


def image_view(pixels: Tensor, height: int) -> Tensor:
    """Pixels (H * W, C) as one image (1, C, H, W), channels last."""
    return pixels.unflatten(0, (height, -1)).permute(2, 0, 1).unsqueeze(0)


def cached_bands(image: Tensor) -> list[Rows]:
    """Bands whose widest map, of eight times the channels, fits a cache."""
    return bands(image, 8 * image.shape[1])


class SlidingRows:
    """The rows of a map that a 3x3 convolution needs for one band.

    Rows that the next band needs too are kept, the others overwritten;
    above and below the image there are zeros.

    Args:
        like (Tensor): (1, C, H, W), gives width, type and device.
        step (int): Rows of all bands but the last, at least 2.
        channels (int): Of the map.
    """

    def __init__(self, like: Tensor, step: int, channels: int) -> None:
        self.buffer = like.new_empty(step + 2, like.shape[3], channels)

    def advance(self, rows: Rows) -> Tensor:
        """Go on to a band.

        Returns:
            Tensor: Where its :func:`unseen` rows are to be written,
            (pixels, C).
        """
        if rows.first == 0:
            self.buffer[0].zero_()
        else:
            self.buffer[:2] = self.buffer[-2:]
        count = rows.end - rows.first
        if rows.end == rows.height:
            self.buffer[count + 1].zero_()
        self.image = self.buffer[None, :count + 2].permute(0, 3, 1, 2)
        first, end, _ = unseen(rows)
        above = rows.first - 1
        return self.buffer[first - above:end - above].flatten(0, 1)


def unseen(rows: Rows) -> Rows:
    """What a 3x3 convolution reads for a band and for no band before it."""
    return rows._replace(first=rows.first and rows.first + 1,
                         end=rows.widen(1).end)


def _side_padded(weight: Tensor, act: str = 'none') -> FusedConv2d:
    """A depthwise convolution of some channels, whose rows have halos."""
    channels = weight.shape[0]
    part = nn.Conv2d(channels, channels, 3, padding=(0, 1), groups=channels,
                     bias=False)
    part.weight.data = weight.detach()
    return FusedConv2d(part, act)


class Scratch:
    """Memory that is kept for the next image.

    The system clears fresh memory page by page, which costs more than the
    work on it.
    """

    def __init__(self) -> None:
        self._spare: list[Tensor] = []

    @contextmanager
    def take(self, count: int, like: Tensor) -> Iterator[Tensor]:
        """``count`` values; taken away, so that threads do not share them,
        until the block ends."""
        held = self._spare.pop() if self._spare else like.new_empty(0)
        if held.numel() < count or held.dtype != like.dtype:
            # whatever the mode now, the next image may come in another one
            with torch.inference_mode(False):
                held = torch.empty(count, dtype=like.dtype)
        yield held[:count]
        self._spare[:] = [held]


class FastRestormer(nn.Module):
    """A :class:`RestormerBlock` that works in place."""

    def __init__(self, block: RestormerBlock) -> None:
        super().__init__()
        self.block = block
        self.qkv_depthwise = _side_padded(block.qkv_depthwise.weight)
        first, second = block.expand_depthwise.weight.chunk(2)
        self.first_depthwise = _side_padded(first, 'gelu')
        self.second_depthwise = _side_padded(second)

    def forward(self, image: Tensor, value: Tensor) -> None:
        """
        Args:
            image (Tensor): (1, C, H, W), channels last; overwritten by the
                result.
            value (Tensor): (H * W, C), room for the attention's values.
        """
        x, block, width = pixel_view(image), self.block, image.shape[3]
        mixing = self._attend(image, value)
        first_kernel, second_kernel = (
            part.flatten(1).t() for part in block.expand.weight.chunk(2))
        reduce = block.reduce.weight.flatten(1).t()
        parts = cached_bands(image)
        first, second = (SlidingRows(image, parts[0].end,
                                     first_kernel.shape[1]) for _ in range(2))
        for rows in parts:
            new = _pixels(unseen(rows), width)
            x[new].addmm_(value[new], mixing)
            normed = nn.LayerNorm.forward(block.norm2, x[new])
            torch.mm(normed, first_kernel, out=first.advance(rows))
            torch.mm(normed, second_kernel, out=second.advance(rows))
            hidden = self.first_depthwise(first.image).mul_(
                self.second_depthwise(second.image))
            x[_pixels(rows, width)].addmm_(pixel_view(hidden), reduce)

    def _attend(self, image: Tensor, value: Tensor) -> Tensor:
        """Write the values, return what maps them to the summand."""
        x, block, width = pixel_view(image), self.block, image.shape[3]
        channels = x.shape[1]
        kernel = block.qkv.weight.flatten(1).t()
        parts = cached_bands(image)
        sliding = SlidingRows(image, parts[0].end, 3 * channels)
        gram = x.new_zeros(channels, channels, dtype=torch.float64)
        squares = x.new_zeros(2 * channels, dtype=torch.float64)
        for rows in parts:
            new = _pixels(unseen(rows), width)
            normed = nn.LayerNorm.forward(block.norm1, x[new])
            torch.mm(normed, kernel, out=sliding.advance(rows))
            qkv = pixel_view(self.qkv_depthwise(sliding.image))
            query, key, own = qkv.split(channels, dim=1)
            value[_pixels(rows, width)] = own
            gram += query.t() @ key
            squares += qkv[:, :2 * channels].square().sum(dim=0)
        norms = squares.sqrt().unsqueeze(0).chunk(2, dim=1)
        return block.mixing(gram.unsqueeze(0), *norms)[0].to(x).t()


def _pixels(rows: Rows, width: int) -> slice:
    return slice(rows.first * width, rows.end * width)


def text_gate(gate: TextGate, text: Tensor, weights: Tensor,
              tokens: Tensor) -> Tensor:
    """What ``gate`` computes, with a third of the multiplications.

    The values are linear in the tokens, so the mean of the attention's
    weights is applied to the tokens themselves. The bias of the keys adds
    the same to all that the softmax compares.

    Args:
        gate (TextGate): The trained module.
        text (Tensor): (L, C).
        weights (Tensor): (L,).
        tokens (Tensor): (N, C).

    Returns:
        Tensor: (C,).
    """
    width, heads = tokens.shape[1], gate.heads
    to_query, to_key, to_value = gate.in_proj.weight.chunk(3)
    query_shift, _, value_shift = gate.in_proj.bias.chunk(3)
    query = F.linear(text, to_query, query_shift) * (width // heads)**-0.5
    keys = (to_key @ tokens.t()).chunk(heads)
    pooled = tokens.new_zeros(heads, len(tokens))
    for part, weight in zip(query.split(QUERIES), weights.split(QUERIES),
                            strict=True):
        for own, key, out in zip(part.chunk(heads, dim=1), keys, pooled,
                                 strict=True):
            out.addmv_((own @ key).softmax(dim=-1).t(), weight)
    mean = torch.einsum('hc,hdc->hd', pooled @ tokens,
                        to_value.unflatten(0, (heads, -1))).flatten()
    return normalize_gate(gate.out_proj(mean + value_shift))


class FastBranch(nn.Module):
    """A :class:`GuidedBranch` for one image, in given memory."""

    def __init__(self, branch: GuidedBranch) -> None:
        super().__init__()
        self.branch = branch
        self.stem = FusedConv2d(branch.stem)
        self.block = FastRestormer(branch.block)
        self.slopes = tuple(act.weight.item()
                            for act in (branch.stem_act, branch.gated_act,
                                        branch.merge_act))

    def forward(self, x: Tensor, text: Tensor, weights: Tensor,
                features: Tensor, value: Tensor, out: Tensor) -> None:
        """
        Args:
            x (Tensor): (1, in_channels, H, W).
            text (Tensor): (L, token_dim), real tokens alone.
            weights (Tensor): (L,).
            features (Tensor): (H * W, channels), room for the features.
            value (Tensor): (H * W, channels), room for their values.
            out (Tensor): (H * W, channels), where to write the result; may
                be where ``x`` lies.
        """
        image = by_rows(
            lambda part: F.leaky_relu_(self.stem(part), self.slopes[0]), x,
            halo=1, channels=features.shape[1],
            out=image_view(features, x.shape[2]))
        self.block(image, value)
        self._merge(image, self._guide(image, text, weights), out)

    def _guide(self, image: Tensor, text: Tensor, weights: Tensor) -> Tensor:
        """See the trained branch; at the grid's size, (pixels, C)."""
        branch = self.branch
        sampled = pixel_view(resize(image, branch.token_grid))
        tokens = torch.addmm(branch.to_tokens.bias.unsqueeze(1),
                             branch.to_tokens.weight.flatten(1), sampled.t())
        cut = tokens.view(-1, branch.token_dim)
        cut *= text_gate(branch.gate, text, weights, cut)
        gated = F.linear(tokens.t(), branch.from_tokens.weight.flatten(1),
                         branch.from_tokens.bias)
        return F.linear(F.leaky_relu_(gated, self.slopes[1]),
                        branch.merge_weights()[1].flatten(1),
                        branch.merge.bias)

    def _merge(self, image: Tensor, guided: Tensor, out: Tensor) -> None:
        """Write what the features and the text amount to."""
        x, (height, width) = pixel_view(image), image.shape[2:]
        grid_height, grid_width = self.branch.token_grid
        row = nearest_indices(grid_height, height)[:, None] * grid_width
        column = nearest_indices(grid_width, width)
        own = self.branch.merge_weights()[0].flatten(1).t()
        for rows in cached_bands(image):
            pixels = _pixels(rows, width)
            index = row[rows.first:rows.end] + column
            part = guided[index.flatten()].addmm_(x[pixels], own)
            out[pixels] = F.leaky_relu_(part, self.slopes[2])


class FastFILM(nn.Module):
    """What :class:`FILMFusion` does behind its text; takes its modules.

    Args:
        fuser (FILMFusion): In eval mode.
    """

    def __init__(self, fuser: nn.Module) -> None:
        super().__init__()
        self.vis_stages, self.ir_stages = fuser.vis_stages, fuser.ir_stages
        self.decoder = fuser.decoder
        self.stages = nn.ModuleList(
            nn.ModuleList(FastBranch(stage) for stage in stages)
            for stages in (fuser.ir_stages, fuser.vis_stages))
        self.blocks = nn.ModuleList(
            FastRestormer(layer) for layer in fuser.decoder
            if isinstance(layer, RestormerBlock))
        self.scratch = Scratch()

    def forward(self, vis: Tensor, ir: Tensor, text: Tensor,
                weights: Tensor) -> Tensor:
        """See ``FILMFusion.fuse_guided``."""
        narrow = self.decoder[1]
        if not is_plain(vis, ir, text, narrow.weight):
            return FILMFusion.fuse_guided(self, vis, ir, text, weights)
        out = torch.empty_like(vis)
        pixels, channels = vis[0, 0].numel(), narrow.out_channels
        # image by image: a batch would only take more memory
        for i, (own_text, weight) in enumerate(zip(text, weights,
                                                   strict=True)):
            real = weight > 0
            with self.scratch.take(4 * channels * pixels, vis) as memory:
                self._fuse((ir[i:i + 1], vis[i:i + 1]),
                           own_text[real], weight[real],
                           memory.view(4, pixels, channels), out[i].flatten())
        return out

    def _fuse(self, inputs: tuple[Tensor, Tensor], text: Tensor,
              weights: Tensor, memory: Tensor, out: Tensor) -> None:
        height = inputs[0].shape[2]
        both, wide_value = memory.view(2, memory.shape[1], -1)
        features, value = memory[2:]
        for stages, x, part in zip(self.stages, inputs, both.chunk(2, dim=1),
                                   strict=True):
            for stage in stages:
                stage(x, text, weights, features, value, part)
                x = image_view(part, height)
        wide, *blocks = self.blocks
        _, narrow, *_, to_luma = self.decoder
        wide(image_view(both, height), wide_value)
        torch.addmm(narrow.bias, both,
                    narrow.weight.flatten(1).t(), out=features)
        for block in blocks:
            block(image_view(features, height), value)
        torch.addmv(to_luma.bias, features, to_luma.weight.flatten(),
                    out=out).sigmoid_()


@FAST_FORMS.register_module(name='FILMFusion')
def fast_film(fuser: nn.Module) -> None:
    """Hand ``fuse_guided`` over to :class:`FastFILM`."""
    fuser.fast = FastFILM(fuser)
    fuser.fuse_guided = fuser.fast.__call__
    del fuser.vis_stages, fuser.ir_stages, fuser.decoder
