"""Metrics that follow from means and covariances of whole images."""
import math
from collections.abc import Sequence

from .gradients import compact
from .image import Image, feature, pair_feature
from .metric import fusion_metric

#: PSNR of images without a difference, dB; keeps means finite
PSNR_LIMIT = 100.


@feature
def centred(image: Image):
    """Values less their mean."""
    return image.values - image.ops.mean(image.values, keepdims=True)


@feature
def variance(image: Image):
    """Population variance of all pixels."""
    x = centred(image)
    return image.ops.dot(x, x) / _area(image)


@pair_feature
def _covariance(image: Image, other: Image):
    return image.ops.dot(centred(image), centred(other)) / _area(image)


@pair_feature
def _squared_error(image: Image, other: Image):
    """Mean squared difference of two images, of levels 0 to 255."""
    total = image.ops.squared_distance(*_alike(image, other))
    return total / _area(image)


def _alike(image: Image, other: Image):
    """Values of two images, in 8 bits if both have no more."""
    pair = compact(image).values, compact(other).values
    if pair[0].dtype == pair[1].dtype:
        return pair
    return image.values, other.values


def _area(image: Image) -> int:
    return image.size[0] * image.size[1]


def _correlation(xp, covariance, first, second):
    """Pearson's coefficient; 0 where an image is flat."""
    product = first * second
    # Rounding leaves traces of variance in flat images.
    flat = product < 1e-18
    return xp.where(flat, 0.,
                    covariance / xp.sqrt(xp.where(flat, 1., product)))


def _mean_over_sources(function, fused, sources):
    return sum(function(fused, source) for source in sources) / len(sources)


@fusion_metric('MSE', 'unit', higher_is_better=False, value_range=(0, 1),
               reference='Tang, IVIF_ZOO: values in 0..1', correct=False,
               options=dict(scale=1 / 255**2))
@fusion_metric('MSE', 'levels', higher_is_better=False, value_range=(0, 65025),
               default=True, reference='FILM: values in 0..255')
def mean_squared_error(fused: Image, sources: Sequence[Image],
                       scale: float = 1.):
    """Mean over the sources of the mean squared difference."""
    return scale * _mean_over_sources(_squared_error, fused, sources)


@fusion_metric('RMSE', 'vifb', higher_is_better=False, value_range=(0, 255),
               reference='VIFB: norm of the difference divided by the area',
               correct=False, options=dict(by_area=True))
@fusion_metric('RMSE', 'root', higher_is_better=False, value_range=(0, 255),
               default=True,
               reference='Jagalingam & Hegde 2015; mean of the roots')
def root_mean_squared_error(fused: Image, sources: Sequence[Image],
                            by_area: bool = False):
    """Mean over the sources of the root of the mean squared difference."""
    total = sum(
        fused.ops.xp.sqrt(_squared_error(fused, source))
        for source in sources) / len(sources)
    return total / math.sqrt(_area(fused)) if by_area else total


@fusion_metric('PSNR', 'vifb', higher_is_better=True,
               value_range=(0, math.inf),
               reference='VIFB: of the mean of its RMSE', correct=False,
               options=dict(kind='vifb'))
@fusion_metric('PSNR', 'tang', higher_is_better=True,
               value_range=(48, math.inf),
               reference='Tang, IVIF_ZOO: peak 255 on values in 0..1',
               correct=False, options=dict(kind='tang'))
@fusion_metric('PSNR', 'film', higher_is_better=True, value_range=(-49, 100),
               reference='FILM, CDDFuse: the peak is the largest value of F',
               correct=False, options=dict(kind='film'))
@fusion_metric('PSNR', 'peak255', higher_is_better=True, value_range=(0, 100),
               default=True, reference='Jagalingam & Hegde 2015; peak 255')
def peak_signal_to_noise(fused: Image, sources: Sequence[Image],
                         kind: str = 'peak255'):
    """10 log10(peak^2 / MSE), at most :data:`PSNR_LIMIT` dB.

    MSE is the mean over the sources.
    """
    ops = fused.ops
    error = _mean_over_sources(_squared_error, fused, sources)
    peak = 255.
    if kind == 'film':
        peak = ops.amax(fused.values).clip(1)
    elif kind == 'tang':
        error = error / 255**2
    elif kind == 'vifb':
        error = root_mean_squared_error(fused, sources, by_area=True)
    floor = 255**2 / 10**(PSNR_LIMIT / 10)
    decibel = 10 * ops.xp.log10(peak**2 / error.clip(floor))
    return decibel


@fusion_metric('CC', 'pearson', higher_is_better=True, value_range=(-1, 1),
               default=True, reference='Shah et al. 2013; mean correlation')
def correlation(fused: Image, sources: Sequence[Image]):
    """Mean over the sources of Pearson's r; 0 where an image is flat."""
    return _mean_over_sources(
        lambda image, source: _correlation(image.ops.xp,
                                           _covariance(image, source),
                                           variance(image), variance(source)),
        fused, sources)


@fusion_metric('SCD', 'aslantas', higher_is_better=True, value_range=(-2, 2),
               default=True, max_sources=2, reference='Aslantas & Bendes 2015')
def sum_of_difference_correlations(fused: Image, sources: Sequence[Image]):
    """r(F - B, A) + r(F - A, B); 0 for a flat source or difference."""
    return sum(
        _difference_correlation(fused, removed, kept)
        for removed, kept in (sources, sources[::-1]))


def _difference_correlation(fused: Image, removed: Image, kept: Image):
    """r(F - removed, kept) from the covariances of the three images."""
    covariance = _covariance(fused, kept) - _covariance(removed, kept)
    rest = (variance(fused) + variance(removed) -
            2 * _covariance(fused, removed))
    return _correlation(fused.ops.xp, covariance, rest, variance(kept))
