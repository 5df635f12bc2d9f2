"""PSFusion's blocks rearranged for inference.

Every class is built from a trained block in eval mode and computes the same.
What is gained: BatchNorm folded, activations and sums inside the
convolutions' kernels, no concatenations at full resolution, elementwise work
in place, and full-resolution blocks strip by strip.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmfusion.models.layers import FReLU
from mmfusion.registry import FAST_FORMS

from ..psfusion.decoder import (DenseReconstruction, FidelityHead, ImageHead,
                                SemanticHeads, SemanticInjection, upsample)
from ..psfusion.encoder import DetailFusion
from .conv import FusedConv2d, fuse_layers
from .rows import by_rows


class InRows(nn.Module):
    """A block of convolutions without stride, run band by band.

    Args:
        block (nn.Module): From one map to one of the same size.
        halo (int): Rows that a row of the output reads on either side.
        channels (int, optional): See :func:`by_rows`.
    """

    def __init__(self, block: nn.Module, halo: int,
                 channels: int | None = None) -> None:
        super().__init__()
        self.block = block
        self.options = dict(halo=halo, channels=channels)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) to (B, C', H, W)."""
        return by_rows(self.block, x, **self.options)


class FastFReLU(nn.Module):
    """See :class:`FReLU`."""

    def __init__(self, act: FReLU) -> None:
        super().__init__()
        self.funnel = fuse_layers(act.funnel)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) to the same shape."""
        funnel = self.funnel(x)
        return torch.maximum(x, funnel, out=funnel)


class FastDetailFusion(nn.Module):
    """See :class:`DetailFusion`."""

    def __init__(self, fusion: DetailFusion) -> None:
        super().__init__()
        self.vis = InRows(fuse_layers(fusion.vis), halo=3)
        self.ir = InRows(fuse_layers(fusion.ir), halo=3)
        self.recalibrate = fuse_layers(fusion.recalibrate)
        aggregate = fuse_layers(fusion.aggregate)[0]
        channels = aggregate.weight.shape[0]
        self.aggregate_vis, self.aggregate_ir = aggregate.split(
            channels, channels)
        self.local_attention = fuse_layers(fusion.local_attention)
        self.global_attention = fuse_layers(fusion.global_attention)

    def forward(self, vis: Tensor, ir: Tensor) -> Tensor:
        """Two maps (B, in_channels, H, W) to one (B, channels, H, W)."""
        vis, ir = self.vis(vis), self.ir(ir)
        gain = 1 + torch.sigmoid(self.recalibrate(vis, ir))
        vis_gain, ir_gain = gain.chunk(2, dim=1)
        vis, ir = vis.mul_(vis_gain), ir.mul_(ir_gain)
        both = by_rows(
            lambda v, i: self.aggregate_ir(i, add=self.aggregate_vis(v)), vis,
            ir)
        gain = self.global_attention(both)

        def weigh(v: Tensor, i: Tensor, z: Tensor) -> Tensor:
            weight = self.local_attention(z).mul_(gain).sigmoid_()
            return torch.lerp(i, v, weight, out=weight)

        return by_rows(weigh, vis, ir, both, out=vis)


class FastSemanticInjection(nn.Module):
    """See :class:`SemanticInjection`."""

    def __init__(self, injection: SemanticInjection) -> None:
        super().__init__()
        self.shared = fuse_layers(injection.shared)
        self.gamma = fuse_layers(injection.gamma)
        self.beta = fuse_layers(injection.beta)
        norm = injection.norm
        scale = norm.weight / torch.sqrt(norm.running_var + norm.eps)
        self.beta.bias.add_(norm.bias - norm.running_mean * scale)
        self.register_buffer('scale', scale.view(1, -1, 1, 1))

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        """Inject ``condition`` into ``x``, see the trained block."""
        mean = x.mean((2, 3), keepdim=True)
        variance = by_rows(lambda part: (part - mean).square_(), x)
        variance = variance.mean((2, 3), keepdim=True)
        scale = self.scale * torch.rsqrt(variance + 1e-5)
        shift = -mean * scale

        def inject(part: Tensor, condition: Tensor) -> Tensor:
            shared = self.shared(
                F.interpolate(condition, size=part.shape[-2:], mode='bilinear',
                              align_corners=False))
            part = torch.addcmul(shift, part, scale)
            part.addcmul_(part, self.gamma(shared))
            return self.beta(shared, add=part)

        # rows: one for the interpolation, two of the larger map
        return by_rows(inject, x, condition, halo=3)


class FastDenseReconstruction(nn.Module):
    """See :class:`DenseReconstruction`; each block sums over its inputs."""

    def __init__(self, reconstruction: DenseReconstruction) -> None:
        super().__init__()
        self.blocks = nn.ModuleList()
        for block in reconstruction.blocks:
            conv = fuse_layers(block)[0]
            out_channels, in_channels = conv.weight.shape[:2]
            parts = in_channels // out_channels
            self.blocks.append(
                nn.ModuleList(conv.split(*[out_channels] * parts)))

    def forward(self, x: Tensor) -> Tensor:
        """(B, channels, H, W) to the same shape."""
        return by_rows(self._reconstruct, x, halo=len(self.blocks))

    def _reconstruct(self, x: Tensor) -> Tensor:
        inputs = [x]
        for block in self.blocks:
            total = None
            for conv, part in zip(block, inputs, strict=True):
                total = conv(part, add=total)
            inputs.append(total)
        return inputs[-1]


class FastSemanticHeads(nn.Module):
    """See :class:`SemanticHeads`.

    1x1 convolutions come before the up-sampling, with which they commute.
    """

    def __init__(self, heads: SemanticHeads) -> None:
        super().__init__()
        self.binary = fuse_layers(heads.binary)
        self.gated = fuse_layers(heads.gated)[0]
        self.gated.act = 'none'
        self.semantic = fuse_layers(heads.semantic)
        first, self.boundary = fuse_layers(heads.boundary)
        channels = first.weight.shape[0]
        self.plain, self.mixed = first.split(channels, channels)
        # the gated map comes first in the channels, but last in time
        self.plain, self.mixed = self.mixed, self.plain
        self.plain.act = 'none'
        self.mixed.act = 'relu6'

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        """(B, channels, H / 4, W / 4) to logits, see the trained block."""
        binary = self.binary(x)
        gate = binary.softmax(dim=1)[:, 1:]
        gated = upsample(self.gated(x * gate), 2).clamp_(0, 6)
        mixed = self.mixed(gated, add=upsample(self.plain(x), 2))
        return dict(semantic=upsample(self.semantic(gated),
                                      2), binary=upsample(binary, 4),
                    boundary=upsample(self.boundary(mixed), 2))


def _image_conv(head: ImageHead) -> FusedConv2d:
    """``(tanh(x) + 1) / 2`` is ``sigmoid(2 x)``."""
    conv = FusedConv2d(head.conv, 'sigmoid')
    conv.weight.mul_(2)
    conv.bias.mul_(2)
    return conv


class FastFidelityHead(nn.Module):
    """See :class:`FidelityHead`."""

    def __init__(self, head: FidelityHead) -> None:
        super().__init__()
        self.local_attention = fuse_layers(head.local_attention)
        self.global_attention = fuse_layers(head.global_attention)
        self.norm = head.norm
        self.conv = _image_conv(head)

    def forward(self, x: Tensor) -> Tensor:
        """(B, channels, H, W) to (B, 1, H, W)."""
        gain = self.global_attention(x)

        def reconstruct(part: Tensor) -> Tensor:
            mask = self.local_attention(part).mul_(gain).sigmoid_()
            return self.conv(self.norm(mask.mul_(part)))

        return by_rows(reconstruct, x, halo=4)


@FAST_FORMS.register_module(name='PSFusion')
def fast_psfusion(fuser: nn.Module) -> None:
    """Replace the blocks."""
    for encoder in (fuser.vis_encoder, fuser.ir_encoder):
        for level in encoder:
            for i, layer in enumerate(level):
                if isinstance(layer, FReLU):
                    level[i] = FastFReLU(layer)
            fuse_layers(level)
        # 7x7, 3x3 and two funnels of 3x3
        width = encoder[0][0].weight.shape[0]
        encoder[0] = InRows(encoder[0], halo=6, channels=width)
    for i, fusion in enumerate(fuser.fusions):
        fuser.fusions[i] = FastDetailFusion(fusion) if isinstance(
            fusion, DetailFusion) else fuse_layers(fusion)
    for i, injection in enumerate(fuser.injections):
        fuser.injections[i] = FastSemanticInjection(injection)
    for i, reconstruction in enumerate(fuser.reconstructions):
        fuser.reconstructions[i] = FastDenseReconstruction(reconstruction)
    fuse_layers(fuser.semantic_decoder)
    fuser.semantic_heads = FastSemanticHeads(fuser.semantic_heads)
    fuser.fused_head = InRows(_image_conv(fuser.fused_head), halo=1)
    fuser.vis_head = FastFidelityHead(fuser.vis_head)
    fuser.ir_head = FastFidelityHead(fuser.ir_head)
