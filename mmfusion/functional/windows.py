"""Moments of an image under a sliding window, shared by many metrics."""
from functools import cache

import numpy as np

from .image import Image, feature, pair_feature

#: variances below it, of levels 0 to 255, are rounding noise of float64
FLAT_VARIANCE = 1e-8


@cache
def window(size: int, sigma: float | None = None) -> tuple[float, ...]:
    """One side of a normalized square window.

    Args:
        size (int): Number of weights, odd.
        sigma (float, optional): Standard deviation of a Gaussian, pixels;
            None for equal weights.

    Returns:
        tuple[float]: Weights that sum to one.
    """
    if sigma is None:
        return (1 / size, ) * size
    distance = np.arange(size) - (size - 1) / 2
    weights = np.exp(-distance**2 / (2 * sigma**2))
    return tuple((weights / weights.sum()).tolist())


def smooth(image: Image, values, size: int, sigma: float | None, border: str):
    """Weighted mean of ``values`` under the window around every pixel."""
    if sigma is None:
        return image.ops.box(values, size, border)
    side = window(size, sigma)
    return image.ops.separable(values, side, side, border)


@feature
def local_mean(image: Image, size: int, sigma: float | None, border: str):
    """Mean under a window: (..., H, W), or smaller for ``'valid'``.

    Args:
        image (Image): Image.
        size (int): Side of the window, pixels, odd.
        sigma (float, optional): Of a Gaussian window; None: equal weights.
        border (str): A rule of ``ops_numpy.BORDERS`` or ``'valid'``.
    """
    return smooth(image, image.values, size, sigma, border)


@feature
def squared_local_mean(image: Image, size: int, sigma: float | None,
                       border: str):
    """Square of :func:`local_mean`."""
    mean = local_mean(image, size, sigma, border)
    return mean * mean


@feature
def local_variance(image: Image, size: int, sigma: float | None, border: str):
    """Population variance under a window; arguments as of local_mean."""
    square = smooth(image, image.values * image.values, size, sigma, border)
    return square - squared_local_mean(image, size, sigma, border)


@pair_feature
def local_mean_product(image: Image, other: Image, size: int,
                       sigma: float | None, border: str):
    """Product of the local means of two images."""
    return (local_mean(image, size, sigma, border) *
            local_mean(other, size, sigma, border))


@pair_feature
def local_covariance(image: Image, other: Image, size: int,
                     sigma: float | None, border: str):
    """Population covariance under a window; arguments as of local_mean."""
    product = smooth(image, image.values * other.values, size, sigma, border)
    return product - local_mean_product(image, other, size, sigma, border)


@feature
def exact(image: Image) -> Image:
    """The image in float64, for what rounding decides in flat windows."""
    values = image.values
    if values.dtype == image.ops.xp.float64:
        return image
    return image.derive(values.double())


@feature
def guarded_variance(image: Image, size: int, sigma: float | None,
                     border: str):
    """:func:`local_variance`, exactly 0 in flat windows."""
    variance = local_variance(image, size, sigma, border)
    return image.ops.xp.where(variance < FLAT_VARIANCE, 0., variance)
