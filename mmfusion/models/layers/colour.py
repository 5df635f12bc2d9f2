"""YCbCr colour space as the fusion field uses it (rounded BT.601).

The constants are those of the common fusion code (SeAFusion, PSFusion,
BFFR), not the exact ITU matrix: a round trip is off by up to 2e-4.
"""

import torch
from torch import Tensor


def luma(rgb: Tensor) -> Tensor:
    """Luminance ``0.299 R + 0.587 G + 0.114 B``.

    Args:
        rgb (Tensor): (B, 3, H, W).

    Returns:
        Tensor: (B, 1, H, W), same range as the input.
    """
    r, g, b = rgb.split(1, dim=1)
    return 0.299 * r + 0.587 * g + 0.114 * b


def rgb_to_ycbcr(rgb: Tensor, clamp: bool = False) -> tuple[Tensor, Tensor]:
    """Split an RGB image into luminance and chrominance.

    Args:
        rgb (Tensor): (B, 3, H, W) in [0, 1].
        clamp (bool): Whether to clamp Y, Cb and Cr to [0, 1] (PSFusion does,
            BFFR does not). Defaults to False.

    Returns:
        tuple[Tensor, Tensor]: Y (B, 1, H, W) and CbCr (B, 2, H, W), the
        latter centred at 0.5.

    Examples:
        >>> y, cbcr = rgb_to_ycbcr(torch.full((1, 3, 2, 2), 0.25))
        >>> y.unique(), cbcr.unique()
        (tensor([0.2500]), tensor([0.5000]))
    """
    y = luma(rgb)
    cb = 0.564 * (rgb[:, 2:3] - y) + 0.5
    cr = 0.713 * (rgb[:, 0:1] - y) + 0.5
    cbcr = torch.cat((cb, cr), dim=1)
    if clamp:
        y, cbcr = y.clamp(0, 1), cbcr.clamp(0, 1)
    return y, cbcr


def ycbcr_to_rgb(y: Tensor, cbcr: Tensor, clamp: bool = False) -> Tensor:
    """Inverse of :func:`rgb_to_ycbcr`.

    Args:
        y (Tensor): (B, 1, H, W).
        cbcr (Tensor): (B, 2, H, W), centred at 0.5.
        clamp (bool): Whether to clamp the result to [0, 1].

    Returns:
        Tensor: RGB, (B, 3, H, W).

    Examples:
        >>> rgb = torch.rand(1, 3, 4, 4)
        >>> back = ycbcr_to_rgb(*rgb_to_ycbcr(rgb))
        >>> torch.allclose(rgb, back, atol=1e-3)
        True
    """
    cb, cr = (cbcr - 0.5).split(1, dim=1)
    rgb = torch.cat(
        (y + 1.403 * cr, y - 0.714 * cr - 0.344 * cb, y + 1.773 * cb), dim=1)
    return rgb.clamp(0, 1) if clamp else rgb


def weighted_chroma(*chromas: Tensor) -> Tensor:
    """Mean of chrominances, each weighted by its distance from grey.

    ``0.5 + sum d_i |d_i| / sum |d_i|`` with ``d_i = c_i - 0.5``, separately
    for Cb and Cr; 0.5 where all are grey. With ``c`` in 0..255 and 128 for
    0.5 this is the rule of DeepFuse (Prabhakar et al., ICCV 2017), which the
    field uses for colour images (multi-exposure, multi-focus).

    Args:
        chromas (Tensor): CbCr of each image, (B, 2, H, W), centred at 0.5.

    Returns:
        Tensor: (B, 2, H, W), between all.
    """
    distances = [chroma - 0.5 for chroma in chromas]
    total = sum(x.abs() for x in distances)
    mean = sum(x * x.abs() for x in distances) / torch.where(
        total > 0, total, torch.ones_like(total))
    return mean + 0.5
