"""Registration by local correlation."""

import torch
import torch.nn.functional as F
from mmengine.model import BaseModule
from torch import Tensor, nn

from mmfusion.models.fusers.realtime.layers import conv_bn_act
from mmfusion.models.layers import luma, sobel
from mmfusion.registry import MODELS

from .offsets import STRIDE, affine_offsets, window

FITS = ('affine', 'field')


class ContourEncoder(nn.Module):
    """Features at an eighth of the size that modalities may share.

    Beside the image it sees the magnitudes of both derivatives over the
    strength of the edges nearby: a contour looks alike, bright on dark or
    dark on bright. Each plane is normalized by its own mean and deviation.

    Args:
        channels (int): Of the features.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            conv_bn_act(3, 16, 3, 2), conv_bn_act(16, 32, 3, 2),
            conv_bn_act(32, channels, 3, 2),
            conv_bn_act(channels, channels, 3),
            conv_bn_act(channels, channels, 3, act=None))

    def forward(self, grey: Tensor) -> Tensor:
        """(B, 1, H, W) to (B, C, H / 8, W / 8)."""
        dx, dy = sobel(grey, 'replicate')
        strength = (dx.square() + dy.square() + 1e-4).sqrt()
        nearby = F.avg_pool2d(strength, 15, 1, 7,
                              count_include_pad=False) + 0.05
        planes = torch.cat((grey, dx.abs() / nearby, dy.abs() / nearby), 1)
        mean = planes.mean((2, 3), keepdim=True)
        spread = (planes - mean).square().mean((2, 3), keepdim=True)
        return self.layers((planes - mean) / (spread + 1e-6).sqrt())


@MODELS.register_module()
class RegistrationHead(BaseModule):
    """Finds where the infrared image shows what the visible one does.

    Both images pass one encoder, to an eighth of the size; each visible
    cell is compared to the infrared cells around it, the similarities are
    smoothed over neighbouring cells, and their soft-argmax is the offset.
    Training starts at the identity: infrared features begin at zero, so
    that all places are alike. In other words, a cross-attention in a local
    window whose values are offsets.

    Args:
        channels (int): Of the features. Defaults to 48.
        radius (int): Of the window, cells of eight pixels: offsets up to
            ``8 * radius`` pixels can be found. Defaults to 4.
        smooth (int): Odd side of the square of cells that similarities are
            averaged over. Defaults to 5.
        fit (str): ``'affine'``: a robust affine fit of all offsets, for
            cameras side by side; ``'field'``: the offsets themselves,
            resized, for scenes with depth. Defaults to ``'affine'``.
        init_cfg (dict, optional): Initialization config. ``dict(type=
            'Pretrained', checkpoint=FILE, prefix='registration.')`` takes
            the head of another model's checkpoint.

    Raises:
        ValueError: If an argument is none of these.
    """

    def __init__(self, channels: int = 48, radius: int = 4, smooth: int = 5,
                 fit: str = 'affine', init_cfg: dict | None = None) -> None:
        super().__init__(init_cfg=init_cfg)
        if min(channels, radius, smooth) < 1 or smooth % 2 == 0:
            raise ValueError(
                'RegistrationHead: expected channels and radius of at least '
                f'1 and smooth odd, got {(channels, radius, smooth)}.')
        if fit not in FITS:
            raise ValueError(f'RegistrationHead: expected a fit of {FITS}, '
                             f'got {fit!r}.')
        self.radius = radius
        self.smooth = smooth
        self.fit = fit
        self.encoder = ContourEncoder(channels)
        self.project = nn.Conv2d(channels, channels, 1, bias=False)
        nn.init.zeros_(self.project.weight)

    def forward(self, vis: Tensor, ir: Tensor) -> dict[str, Tensor]:
        """Find the offsets of a batch.

        Args:
            vis (Tensor): RGB, (B, 3, H, W) in [0, 1].
            ir (Tensor): (B, 1, H, W) in [0, 1].

        Returns:
            dict[str, Tensor]: ``offset`` (B, 2, H, W), where the infrared
            image shows each visible pixel, less that pixel's place, pixels,
            x first; ``votes`` (B, 2, ceil(H / 8), ceil(W / 8)), the same of
            each cell, before fit and resizing; ``scores`` (B, (2 r + 1)^2,
            ceil(H / 8), ceil(W / 8)), logits of the places in the window,
            row by row.
        """
        height, width = vis.shape[-2:]
        pad = (0, -width % STRIDE, 0, -height % STRIDE)
        vis, ir = (F.pad(x, pad, mode='replicate') for x in (luma(vis), ir))
        ours = self.encoder(vis)
        theirs = self.project(self.encoder(ir))
        scores = self._similarity(ours, theirs)
        chance = scores.softmax(1)
        steps = STRIDE * window(self.radius, chance).flatten(1)
        votes = torch.einsum('bkhw,dk->bdhw', chance, steps)
        size = vis.shape[-2:]
        if self.fit == 'affine':
            square = torch.einsum('bkhw,k->bhw', chance,
                                  steps.square().sum(0))[:, None]
            variance = square - votes.square().sum(1, keepdim=True)
            # the floor keeps votes between two cells from counting less
            offset = affine_offsets(votes, 1 / (variance + STRIDE**2 / 4),
                                    tuple(size))
        else:
            offset = F.interpolate(votes, size=size, mode='bilinear',
                                   align_corners=False)
        return dict(offset=offset[..., :height, :width], votes=votes,
                    scores=scores)

    def _similarity(self, ours: Tensor, theirs: Tensor) -> Tensor:
        """Of each cell to those around it, (B, (2 r + 1)^2, h, w)."""
        height, width = ours.shape[-2:]
        ours = ours / ours.shape[1]**0.5
        theirs = F.pad(theirs, (self.radius, ) * 4)
        span = range(2 * self.radius + 1)
        planes = torch.stack(
            [(ours * theirs[..., y:y + height, x:x + width]).sum(1)
             for y in span for x in span], 1)
        return F.avg_pool2d(planes, self.smooth, 1, self.smooth // 2,
                            count_include_pad=False)
