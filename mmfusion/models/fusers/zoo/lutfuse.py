"""LUT-Fuse: a look-up table of four dimensions, and a small context net.

Paper: Yi et al., "LUT-Fuse: Towards Extremely Fast Infrared and Visible
Image Fusion via Distillation to Learnable Look-Up Tables", ICCV 2025, arXiv
2509.00346. Origin: github.com/zyb5/LUT-Fuse.

Differs from the authors' network in this: images of any size are taken as
they are, and there is no dropout.
"""
from itertools import product

import torch
from torch import Tensor, nn

from mmfusion.models.layers import sobel
from mmfusion.registry import MODELS
from mmfusion.structures import FuserOutput

from ..base import BaseFuser
from .layers import conv_layer


class ContextNet(nn.Module):
    """Convolutions, normalised after their activation."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first, *middle = (nn.Sequential(
            *conv_layer(size, channels, act=('lrelu', 0.2),
                        padding_mode='zeros'),
            nn.InstanceNorm2d(channels, affine=True))
                               for size in (4, *3 * [channels]))
        self.middle = nn.Sequential(*middle)
        self.out = conv_layer(channels, 1, act='sigmoid', padding_mode='zeros')

    def forward(self, images: Tensor) -> Tensor:
        """RGB and infrared (B, 4, H, W) in [0, 1] to (B, 1, H, W)."""
        x = self.first(255 * images)
        return self.out(x + self.middle(x))


@MODELS.register_module()
class LUTFuse(BaseFuser):
    """Looks luminance up; 7,825 parameters and a table of 65,536.

    The table's axes are luminance, its gradient (stretched to [0, 1] image
    by image), context and infrared; it is read 4-linearly. Where it has not
    been trained it holds the mean of luminance and infrared.

    Args:
        levels (int): Of each axis of the table.
        channels (int): Width of the context net.
        colour_formula (str): See :class:`BaseFuser`.
        kwargs: See :class:`BaseFuser`.
    """
    min_size = 2  # instances of one pixel cannot be normalised

    def __init__(self, levels: int = 16, channels: int = 16,
                 colour_formula: str = 'bt601', **kwargs) -> None:
        super().__init__(colour_formula=colour_formula, **kwargs)
        line = torch.arange(levels) * (levels / 255)
        mean = (line.view(-1, 1, 1, 1) + line) / 2
        self.table = nn.Parameter(
            mean.expand(4 * (levels, ))[..., None].clone())
        self.context = ContextNet(channels)

    def fuse(self, vis: Tensor, ir: Tensor) -> FuserOutput:
        """See :class:`BaseFuser`; the context net sees all channels."""
        y, cbcr = self.split_colour(vis)
        slopes = torch.linalg.vector_norm(torch.stack(sobel(y)), dim=0)
        low, high = (bound((2, 3), keepdim=True)
                     for bound in (slopes.amin, slopes.amax))
        slopes = (slopes - low) / (high - low + 1e-8)
        context = self.context(torch.cat((vis, ir), 1))
        fused = self.look_up(torch.cat((y, slopes, context, ir), 1))
        return FuserOutput(self.join_colour(fused, cbcr), fused)

    def look_up(self, values: Tensor) -> Tensor:
        """Values (B, 4, H, W) in [0, 1] to the table's, (B, 1, H, W)."""
        levels = len(self.table)
        places = values * (255 / levels)
        low = places.detach().floor().clamp(0, levels - 1)
        share = (places - low).clamp(0, 1)
        table, fused = self.table.flatten(), 0.
        for corner in product((0, 1), repeat=4):
            index, weight = 0, 1.
            for axis, step in enumerate(corner):
                here = (low[:, axis] + step).clamp(max=levels - 1).long()
                index = index * levels + here
                part = share[:, axis]
                weight = weight * (part if step else 1 - part)
            fused = fused + weight * table[index]
        return fused.unsqueeze(1)
