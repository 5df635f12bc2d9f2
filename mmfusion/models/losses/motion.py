"""Steadiness in videos, learned from single pairs."""
import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmfusion.registry import MODELS


@MODELS.register_module()
class MotionConsistencyLoss(nn.Module):
    """How far a fuser is from moving its output along with its inputs.

    ``mean |fuse(A x) - A fuse(x)|`` over the pixels that both show, where A
    is a random affine motion of each image: what the fused images of two
    frames of a video would differ by, had the camera moved by A. The warp
    error of video consistency (Lai et al., ECCV 2018) with a synthetic flow.
    For ``FuserDistiller(motion=...)``.

    Args:
        degrees (float): Largest rotation. Defaults to 5.
        shift (float): Largest translation, a share of the sides. Defaults
            to 0.04.
        scale (float): Largest change of the scale. Defaults to 0.05.
        loss_weight (float): Factor of the loss. Defaults to 0.5.

    Raises:
        ValueError: If a value is negative, or ``scale`` not below 1.
    """

    def __init__(self, degrees: float = 5., shift: float = 0.04,
                 scale: float = 0.05, loss_weight: float = 0.5) -> None:
        super().__init__()
        if min(degrees, shift, scale) < 0 or scale >= 1:
            raise ValueError(
                'Expected degrees and shift of at least 0 and scale of 0 to '
                f'below 1, got {degrees}, {shift} and {scale}.')
        self.degrees = degrees
        self.shift = shift
        self.scale = scale
        self.loss_weight = loss_weight

    def forward(self, fuse: Callable[[Tensor], Tensor], inputs: Tensor,
                fused: Tensor) -> Tensor:
        """Scalar loss.

        Args:
            fuse (callable): Gives the fused images (B, C', H, W) of inputs.
            inputs (Tensor): Stacked pairs, (B, C, H, W).
            fused (Tensor): ``fuse(inputs)``.
        """
        grid = self._grid(inputs)
        again = fuse(_warp(inputs, grid))
        with torch.autocast(fused.device.type, enabled=False):
            moved = _warp(fused.float(), grid)
            seen = (grid.abs() <= 1).all(-1)[:, None].to(moved)
            error = seen * (again.float() - moved).abs()
            count = seen.sum().clamp(min=1) * fused.shape[1]
            return self.loss_weight * error.sum() / count

    def _grid(self, inputs: Tensor) -> Tensor:
        """Where each pixel of the moved images comes from, (B, H, W, 2)."""
        batch, _, height, width = inputs.shape
        draw = 2 * torch.rand(4, batch, device=inputs.device) - 1
        angle = math.radians(self.degrees) * draw[0]
        factor = 1 + self.scale * draw[1]
        cos, sin = factor * angle.cos(), factor * angle.sin()
        aspect = width / height  # coordinates run from -1 to 1 on both sides
        matrix = torch.stack(
            (torch.stack((cos, -sin / aspect, 2 * self.shift * draw[2]), 1),
             torch.stack((sin * aspect, cos, 2 * self.shift * draw[3]), 1)), 1)
        return F.affine_grid(matrix, [batch, 1, height, width],
                             align_corners=False)


def _warp(images: Tensor, grid: Tensor) -> Tensor:
    return F.grid_sample(images, grid.to(images.dtype), mode='bilinear',
                         padding_mode='border', align_corners=False)
