"""Image gradients by small kernels."""

import torch
import torch.nn.functional as F
from torch import Tensor

from mmfusion.functional.ops_torch import SOBEL_DIFFERENCE, SOBEL_SMOOTH
from mmfusion.utils.constants import constant


def _separable(column, row, like: Tensor) -> Tensor:
    """Outer product (1, 1, n, n) in the type of ``like``."""
    return torch.outer(constant(column, like), constant(row, like))[None, None]


def filter2d(image: Tensor, kernel: Tensor, mode: str) -> Tensor:
    """Correlate every channel with each of some kernels, size kept.

    Args:
        image (Tensor): (B, C, H, W).
        kernel (Tensor): (K, 1, n, n), n odd.
        mode (str): Padding: ``'zeros'``, ``'replicate'`` or ``'reflect'``.

    Returns:
        Tensor: (B, C, K, H, W).
    """
    batch, channels, height, width = image.shape
    flat = image.reshape(batch * channels, 1, height, width)
    border = kernel.shape[-1] // 2
    if mode == 'zeros':
        out = F.conv2d(flat, kernel, padding=border)
    else:
        out = F.conv2d(F.pad(flat, (border, ) * 4, mode=mode), kernel)
    return out.view(batch, channels, -1, height, width)


def sobel(image: Tensor, padding: str = 'zeros') -> tuple[Tensor, Tensor]:
    """Horizontal and vertical derivative by 3x3 Sobel kernels.

    The kernels are not normalized: a ramp of slope one gives 8.

    Args:
        image (Tensor): (B, C, H, W).
        padding (str): ``'zeros'``, ``'replicate'`` or ``'reflect'``.

    Returns:
        tuple[Tensor, Tensor]: Derivative along the width and along the
        height, (B, C, H, W) each, with their sign.
    """
    kernel = _separable(SOBEL_SMOOTH, SOBEL_DIFFERENCE, image)
    kernel = torch.cat((kernel, kernel.transpose(2, 3)))
    return filter2d(image, kernel, padding).unbind(dim=2)


def second_sobel(image: Tensor) -> Tensor:
    """Second derivatives by 5x5 Sobel kernels, replicate padding.

    Each kernel is divided by the sum of its absolute values (64, 36, 64).

    Args:
        image (Tensor): (B, C, H, W).

    Returns:
        Tensor: xx, xy and yy derivative, (B, C, 3, H, W).
    """
    smooth, second = (1., 4., 6., 4., 1.), (1., 0., -2., 0., 1.)
    first = (-1., -2., 0., 2., 1.)
    xx = _separable(smooth, second, image)
    xy = _separable(first, first, image)
    kernels = torch.cat((xx, xy, xx.transpose(2, 3)))
    kernels = kernels / kernels.abs().sum(dim=(1, 2, 3), keepdim=True)
    return filter2d(image, kernels, 'replicate')


def laplacian(image: Tensor) -> Tensor:
    """Mean of the eight neighbours less the pixel itself, zero padding.

    Args:
        image (Tensor): (B, C, H, W).

    Returns:
        Tensor: (B, C, H, W), signed.
    """
    kernel = torch.full((1, 1, 3, 3), 1 / 8, dtype=image.dtype,
                        device=image.device)
    kernel[..., 1, 1] = -1
    return filter2d(image, kernel, 'zeros')[:, :, 0]
