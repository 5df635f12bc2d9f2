"""Offset fields: of a matrix, fitted by an affine map, applied.

An offset at a place of the aligned image tells where the misaligned one
shows the same thing: ``misaligned(p + offset(p)) = aligned(p)``, pixels, x
first.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from mmfusion.utils.constants import constant

#: pixels to a cell of the head's features
STRIDE = 8


def pixel_grid(height: int, width: int, like: Tensor) -> Tensor:
    """Places of all pixels, (2, H, W), x first."""
    return torch.stack(
        (torch.arange(width, dtype=like.dtype,
                      device=like.device).expand(height, width),
         torch.arange(height, dtype=like.dtype,
                      device=like.device)[:, None].expand(height, width)))


def window(radius: int, like: Tensor) -> Tensor:
    """Steps to all cells around one, (2, 2 r + 1, 2 r + 1), x first."""
    side = 2 * radius + 1
    return pixel_grid(side, side, like) - radius


def matrix_offsets(matrix: Tensor, height: int, width: int) -> Tensor:
    """The offset field of known misalignments.

    Args:
        matrix (Tensor): (B, 3, 3), takes (x, y, 1) in the aligned image to
            the misaligned one, see :class:`RandomMisalign`.
        height (int): Of the field, pixels.
        width (int): Likewise.

    Returns:
        Tensor: (B, 2, H, W), pixels.
    """
    grid = pixel_grid(height, width, matrix)
    places = torch.cat((grid, torch.ones_like(grid[:1]))).flatten(1)
    moved = matrix @ places
    moved = moved[:, :2] / moved[:, 2:]
    return moved.unflatten(2, (height, width)) - grid


def affine_offsets(votes: Tensor, weight: Tensor, size: tuple[int, int],
                   rounds: int = 4, spread: float = 2.0,
                   ridge: float = 1e-2) -> Tensor:
    """The affine field nearest to a coarse and noisy one.

    Weighted least squares; after each round a vote counts the less the
    farther it is from the fit (Cauchy's weights). Plain arithmetic, since a
    solver would not export.

    Args:
        votes (Tensor): Offsets of cells, (B, 2, h, w), pixels of the image.
        weight (Tensor): Confidence of each, (B, 1, h, w), above 0.
        size (tuple[int, int]): (H, W) of the field, multiples of (h, w).
        rounds (int): How often the fit is made.
        spread (float): Distance at which a vote counts half, pixels.
        ridge (float): Share of the variance of places that is added to it:
            few or scattered votes give a translation.

    Returns:
        Tensor: (B, 2, H, W), pixels.
    """
    stride = size[0] // votes.shape[2]
    long = max(size)
    cells = pixel_grid(*votes.shape[2:], votes).flatten(1)
    # about one across, whatever the image's size
    cells = ((cells + 0.5) * stride - 0.5) / long
    votes = votes.flatten(2)
    weight = start = weight.flatten(2)
    for index in range(rounds):
        share = weight / weight.sum(2, keepdim=True)
        centre = (share * cells).sum(2, keepdim=True)
        mean = (share * votes).sum(2, keepdim=True)
        arm = cells - centre  # (B, 2, h * w)
        moments = (share * arm) @ arm.transpose(1, 2)
        slope = (
            (share *
             (votes - mean)) @ arm.transpose(1, 2)) @ _inverse(moments, ridge)
        if index + 1 < rounds:
            error = (votes - slope @ arm - mean).square().sum(1, keepdim=True)
            weight = start / (1 + error.detach() / spread**2)
    places = pixel_grid(*size, votes).flatten(1) / long
    return (slope @ (places - centre) + mean).unflatten(2, size)


def _inverse(matrix: Tensor, ridge: float) -> Tensor:
    """Of symmetric (B, 2, 2), after a share of the trace was added."""
    a, b, d = matrix[:, 0, 0], matrix[:, 0, 1], matrix[:, 1, 1]
    extra = ridge * (a + d) / 2 + 1e-6
    a, d = a + extra, d + extra
    adjugate = torch.stack((d, -b, -b, a), 1).unflatten(1, (2, 2))
    return adjugate / (a * d - b * b)[:, None, None]


def warp(image: Tensor, offsets: Tensor) -> Tensor:
    """Take each pixel from where its offset points to.

    Bilinear; places outside show the nearest border.

    Args:
        image (Tensor): (B, C, H, W).
        offsets (Tensor): (B, 2, H, W), pixels, x first.

    Returns:
        Tensor: (B, C, H, W).
    """
    height, width = image.shape[-2:]
    places = pixel_grid(height, width, offsets) + offsets
    size = constant((width, height), offsets).reshape(2, 1, 1)
    grid = ((2 * places + 1) / size - 1).permute(0, 2, 3, 1)
    return F.grid_sample(image, grid.to(image), mode='bilinear',
                         padding_mode='border', align_corners=False)
