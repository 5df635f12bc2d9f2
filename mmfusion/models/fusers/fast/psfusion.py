"""PSFusion's blocks rearranged for inference.

Every class is built from a trained block in eval mode and computes the same.
What is gained: BatchNorm folded, activations and sums inside the
convolutions' kernels, no concatenations at full resolution, elementwise work
in place, and full-resolution blocks band by band.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmfusion.registry import FAST_FORMS

from ..psfusion.decoder import (DenseReconstruction, FidelityHead, ImageHead,
                                SemanticInjection)
from ..psfusion.encoder import DetailFusion, SemanticFusion
from .conv import fuse_layers
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


class FastDetailFusion(nn.Module):
    """See :class:`DetailFusion`."""

    def __init__(self, fusion: DetailFusion) -> None:
        super().__init__()
        self.fusion = fuse_layers(fusion)
        fusion.vis, fusion.ir = (InRows(branch, halo=3)
                                 for branch in (fusion.vis, fusion.ir))
        channels = fusion.aggregate[0].weight.shape[0]
        self.aggregate = nn.ModuleList(fusion.aggregate[0].split(
            channels, channels))
        del fusion.aggregate

    def forward(self, vis: Tensor, ir: Tensor) -> Tensor:
        """Two maps (B, in_channels, H, W) to one (B, channels, H, W)."""
        fusion, (from_vis, from_ir) = self.fusion, self.aggregate
        vis, ir = fusion.vis(vis), fusion.ir(ir)
        gain = 1 + torch.sigmoid(fusion.recalibrate(vis, ir))
        vis_gain, ir_gain = gain.chunk(2, dim=1)
        vis, ir = vis.mul_(vis_gain), ir.mul_(ir_gain)
        both = by_rows(lambda v, i: from_ir(i, add=from_vis(v)), vis, ir)
        gain = fusion.global_attention(both)

        def weigh(v: Tensor, i: Tensor, z: Tensor) -> Tensor:
            weight = fusion.local_attention(z).mul_(gain).sigmoid_()
            return torch.lerp(i, v, weight, out=weight)

        return by_rows(weigh, vis, ir, both, out=vis)


class FastSemanticInjection(nn.Module):
    """See :class:`SemanticInjection`; instead of normalising, scales."""

    def __init__(self, injection: SemanticInjection) -> None:
        super().__init__()
        self.injection = fuse_layers(injection)
        norm = injection.norm
        scale = norm.weight / torch.sqrt(norm.running_var + norm.eps)
        injection.beta.bias.add_(norm.bias - norm.running_mean * scale)
        self.register_buffer('scale', scale.view(1, -1, 1, 1))

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        """Inject ``condition`` into ``x``, see the trained block."""
        injection = self.injection
        mean = x.mean((2, 3), keepdim=True)
        variance = by_rows(lambda part: (part - mean).square_(), x)
        variance = variance.mean((2, 3), keepdim=True)
        scale = self.scale * torch.rsqrt(variance + 1e-5)
        shift = -mean * scale

        def inject(part: Tensor, condition: Tensor) -> Tensor:
            shared = injection.shared(
                F.interpolate(condition, size=part.shape[-2:], mode='bilinear',
                              align_corners=False))
            part = torch.addcmul(shift, part, scale)
            part.addcmul_(part, injection.gamma(shared))
            return injection.beta(shared, add=part)

        # rows: one for the interpolation, two of the larger map
        return by_rows(inject, x, condition, halo=3)


class FastDenseReconstruction(nn.Module):
    """See :class:`DenseReconstruction`; each block sums over its inputs."""

    def __init__(self, reconstruction: DenseReconstruction) -> None:
        super().__init__()
        convs = [block[0] for block in fuse_layers(reconstruction).blocks]
        width = convs[0].weight.shape[0]
        self.blocks = nn.ModuleList(
            nn.ModuleList(conv.split(*[width] * count))
            for count, conv in enumerate(convs, 1))

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


class FastFidelityHead(nn.Module):
    """See :class:`FidelityHead`."""

    def __init__(self, head: FidelityHead) -> None:
        super().__init__()
        self.head = fuse_layers(head)

    def forward(self, x: Tensor) -> Tensor:
        """(B, channels, H, W) to (B, 1, H, W)."""
        head, gain = self.head, self.head.global_attention(x)

        def reconstruct(part: Tensor) -> Tensor:
            mask = head.local_attention(part).mul_(gain).sigmoid_().mul_(part)
            return ImageHead.forward(head, head.norm(mask))

        return by_rows(reconstruct, x, halo=4)


@FAST_FORMS.register_module(name='PSFusion')
def fast_psfusion(fuser: nn.Module) -> None:
    """Replace the blocks."""
    width = fuser.vis_encoder[0][0].out_channels
    fuse_layers(fuser.vis_encoder)
    fuse_layers(fuser.ir_encoder)
    for encoder in (fuser.vis_encoder, fuser.ir_encoder):
        # 7x7, 3x3 and two funnels of 3x3
        encoder[0] = InRows(encoder[0], halo=6, channels=width)
    for blocks, fast in ((fuser.fusions, FastDetailFusion),
                         (fuser.injections, FastSemanticInjection),
                         (fuser.reconstructions, FastDenseReconstruction)):
        for i, block in enumerate(blocks):
            deep = isinstance(block, SemanticFusion)
            blocks[i] = fuse_layers(block) if deep else fast(block)
    for head in (fuser.semantic_decoder, fuser.semantic_heads,
                 fuser.fused_head):
        fuse_layers(head)
    fuser.vis_head = FastFidelityHead(fuser.vis_head)
    fuser.ir_head = FastFidelityHead(fuser.ir_head)
