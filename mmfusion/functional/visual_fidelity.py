"""Visual information fidelity: VIF in the pixel domain, and Han's VIFF.

Papers: H. R. Sheikh, A. C. Bovik, 'Image information and visual quality',
TIP 15(2), 2006 (VIF is the authors' form without wavelets, VIFp); Y. Han,
Y. Cai, Y. Cao, X. Xu, 'A new image fusion performance metric based on visual
information fidelity', Information Fusion 14(2), 2013.

Under every window the fused image is a gain g of the source plus noise of
variance v, and the eye adds noise of variance n to both:

    g = cov / var_S,  v = var_F - g cov,
    information of F = log(1 + g^2 var_S / (v + n)),
    information of S = log(1 + var_S / n).

Four scales, each smoothed and halved from the one before. Sums over windows
are taken band by band, see ``bands``.
"""
import math
from collections.abc import Sequence
from typing import Any, NamedTuple

from .bands import bands, cut
from .image import Image, feature
from .metric import fusion_metric
from .pixel_statistics import centred
from .windows import exact, local_mean, smooth, window

#: sides of the Gaussian windows of the four scales; sigma is a fifth
_SIDES = (17, 9, 5, 3)
#: the smallest side of an image that leaves a window at the last scale
_MIN_SIZE = 41
#: variance that counts as none
_EPSILON = 1e-10
#: variance beside which that does not matter
_LIVELY = 1e-2
#: variance of the noise of the eye
_NOISE, _HAN_NOISE = 2., 0.005 * 255**2
_HAN_WEIGHTS = (1 / 2.15, 0., 0.15 / 2.15, 1 / 2.15)
_HAN_STABILITY = 1e-7 * math.log(10)


class _Moments(NamedTuple):
    """Under every window."""
    mean: Any
    variance: Any


class _Known(NamedTuple):
    """What a band of a source adds to the formulas."""
    moments: _Moments
    #: where var_S is below epsilon; None if that is nowhere
    flat: Any
    #: sum of log(1 + var_S / n)
    information: Any
    #: sum of log(var_S); None if epsilon matters beside any var_S
    log_variance: Any


def _window(scale: int) -> tuple[int, float, str]:
    """Arguments of ``windows.smooth``."""
    return _SIDES[scale], _SIDES[scale] / 5, 'valid'


@feature
def _level(image: Image, scale: int) -> Image:
    """Scale 0 is the image; every further one is smoothed and halved.

    Less the mean of the image, so that variances keep digits.
    """
    if scale == 0:
        return image.derive(centred(image))
    above, side = _level(image, scale - 1), window(*_window(scale)[:2])
    return image.derive(
        image.ops.separable(above.values, side, side, 'valid', step=2))


def _moments(band: Image, scale: int) -> _Moments:
    """Not kept: what is soon dropped is written to the same memory again."""
    x = band.values
    mean = smooth(band, x, *_window(scale))
    variance = smooth(band, x * x, *_window(scale))
    variance -= mean * mean
    if not _is_double(band):
        variance = band.ops.at_least(variance, 0.)
    return _Moments(mean, variance)


def _is_double(image: Image) -> bool:
    """Whether rounding does not matter to a variance."""
    return image.values.dtype == image.ops.xp.float64


def _information(band: Image, variance, noise: float):
    """Sum of log(1 + variance / noise) over all windows."""
    count = variance.shape[-2] * variance.shape[-1]
    return band.ops.log_sum(variance + noise) - count * math.log(noise)


@feature
def _known(band: Image, scale: int) -> _Known:
    ops, moments = band.ops, _moments(band, scale)
    variance = moments.variance
    flat = log_variance = None
    if ops.exceeds(variance, _LIVELY):
        log_variance = ops.log_sum(variance)
    elif not ops.exceeds(variance, _EPSILON):
        flat = variance < _EPSILON
    return _Known(moments, flat, _information(band, variance, _NOISE),
                  log_variance)


def _scale_bands(fused: Image, sources: Sequence[Image], scale: int):
    """Bands of one scale.

    Yields:
        tuple: Band of F, its moments, bands of the sources, what is known
        of them.
    """
    overlap = _SIDES[scale] - 1
    fused, *sources = (_level(image, scale) for image in (fused, *sources))
    theirs = zip(*(bands(source, overlap) for source in sources), strict=True)
    for band, others in zip(cut(fused, overlap), theirs, strict=True):
        yield band, _moments(
            band, scale), others, [_known(other, scale) for other in others]


def _covariance(band: Image, moments: _Moments, other: Image, known: _Known,
                scale: int):
    """Of F and a source; none where the gain is negative or S is flat."""
    ops = band.ops
    product = smooth(band, band.values * other.values, *_window(scale))
    product -= moments.mean * known.moments.mean
    product = ops.at_least(product, 0.)
    if known.flat is not None:
        product = ops.overwrite(product, known.flat, 0.)
    return product


def _of_scale(fused: Image, sources: Sequence[Image], scale: int):
    """Information of F and of every source, summed over one scale.

    With t = var_S + epsilon, g = cov / t and var_F + n = v + n + g cov,

        1 + g^2 var_S / (v + n)
            = ((var_F + n) t - epsilon cov^2 / t) / ((var_F + n) t - cov^2)

    and without epsilon (var_F + n) var_S / ((var_F + n) var_S - cov^2).
    """
    ops = fused.ops
    ours, theirs = [0.] * len(sources), [0.] * len(sources)
    for band, moments, others, known in _scale_bands(fused, sources, scale):
        noisy = moments.variance + _NOISE
        most = ops.log_sum(noisy)
        for k, (other, its) in enumerate(zip(others, known, strict=True)):
            square = _covariance(band, moments, other, its, scale)
            square *= square
            variance, lively = its.moments.variance, its.log_variance
            if lively is None:
                variance = variance + _EPSILON
            if not _is_double(band):  # rounding breaks cov^2 <= var var
                square = ops.xp.minimum(square, moments.variance * variance)
            whole = noisy * variance
            if lively is None:
                lost = square / variance
                lost *= _EPSILON
                ours[k] += ops.log_sum(whole - lost)
            else:
                ours[k] += most + lively
            whole -= square
            ours[k] -= ops.log_sum(whole)
            theirs[k] += its.information
    return ours, theirs


def _of_saturated_scale(fused: Image, sources: Sequence[Image]):
    """The first scale, with all products of two pixels clipped to 255.

    Variances and covariances are no longer such, so that every rule of the
    definition for values out of range comes to bear.
    """
    ops, xp = fused.ops, fused.ops.xp
    variance = ops.at_least(_saturated_covariance(fused, fused), 0.)
    ours, theirs = [], []
    for source in sources:
        given = ops.at_least(_saturated_covariance(source, source), 0.)
        covariance = _saturated_covariance(fused, source)
        flat = given < _EPSILON
        gain = covariance / (given + _EPSILON)
        idle = flat | (variance < _EPSILON) | (gain < 0)
        gain = xp.where(idle, 0., gain)
        noise = ops.at_least(variance - gain * covariance, _EPSILON)
        signal = gain * gain * xp.where(flat, 0., given)
        ours.append(ops.log_sum(1 + signal / (noise + _NOISE)))
        theirs.append(_information(source, given, _NOISE))
    return ours, theirs


def _saturated_covariance(image: Image, other: Image):
    """Covariance under every window by products clipped to 255."""
    product = (image.values * other.values).clip(0, 255)
    return smooth(image, product, *_window(0)) - (
        local_mean(image, *_window(0)) * local_mean(other, *_window(0)))


def _windows(size: tuple[int, int]) -> int:
    """Number of windows of all scales."""
    count, (height, width) = 0, size
    for scale, side in enumerate(_SIDES):
        if scale:
            height, width = ((x - side) // 2 + 1 for x in (height, width))
        count += (height - side + 1) * (width - side + 1)
    return count


_VIF = dict(higher_is_better=True, min_size=_MIN_SIZE)


@fusion_metric(
    'VIF', 'uint8', value_range=(0, math.inf), needs_integers=True,
    correct=False, reference='Tang, MATLAB before 2023-03: products of two '
    'pixels saturate at 255', options=dict(saturated=True), **_VIF)
@fusion_metric('VIF', 'pixel_sum', value_range=(0, math.inf), default=True,
               reference='Sheikh & Bovik 2006, VIFp; sum over the sources',
               **_VIF)
def visual_information_fidelity(fused: Image, sources: Sequence[Image],
                                saturated: bool = False):
    """Sum over the sources of the share of their information that F keeps.

    Each source adds 1 if F equals it, more only if F has more contrast. A
    source that is flat everywhere has nothing to keep and adds 1.
    """
    xp = fused.ops.xp
    results = [
        _of_saturated_scale(fused, sources)
        if saturated and scale == 0 else _of_scale(fused, sources, scale)
        for scale in range(len(_SIDES))
    ]
    traces = _EPSILON * _windows(fused.size)  # of rounding in flat images
    total = 0.
    for k in range(len(sources)):
        kept, given = (sum(result[side][k] for result in results)
                       for side in (0, 1))
        total += xp.where(given > traces, kept / given.clip(traces), 1.)
    return total


@fusion_metric('VIFF_han', 'han', higher_is_better=True,
               value_range=(0, math.inf), default=True, min_size=_MIN_SIZE,
               reference='Han et al. 2013; of MEFB. FILM\'s VIFF is VIF')
def visual_fidelity_for_fusion(fused: Image, sources: Sequence[Image]):
    """Share of the information of the sources that F keeps.

    Under every window the source with the smallest gain is taken, the last
    of them where gains are equal. Weighted sum of the shares of the scales
    1, 3 and 4. 1 if all images are one, or flat. In float64 throughout:
    where windows are almost flat, rounding would choose the source.
    """
    fused, sources = exact(fused), [exact(source) for source in sources]
    ops, xp = fused.ops, fused.ops.xp
    result = 0.
    for scale, weight in enumerate(_HAN_WEIGHTS):
        if not weight:
            continue
        ours = theirs = count = 0.
        for band, moments, others, known in _scale_bands(
                fused, sources, scale):
            variance = moments.variance
            gain = kept = given = None
            for other, its in zip(others, known, strict=True):
                covariance = _covariance(band, moments, other, its, scale)
                tolerant = its.moments.variance + _EPSILON
                its_gain = covariance / tolerant
                explained = xp.minimum(its_gain * covariance, variance)
                signal = explained * (1 - _EPSILON / tolerant)
                its_kept = 1 + signal / (variance - explained + _HAN_NOISE)
                its_given = 1 + its.moments.variance / _HAN_NOISE
                its_gain = xp.where(variance < _EPSILON, 0., its_gain)
                if gain is None:
                    gain, kept, given = its_gain, its_kept, its_given
                    continue
                smaller = its_gain <= gain
                gain = xp.where(smaller, its_gain, gain)
                kept = xp.where(smaller, its_kept, kept)
                given = xp.where(smaller, its_given, given)
            ours += ops.log_sum(kept)
            theirs += ops.log_sum(given)
            count += variance.shape[-2] * variance.shape[-1]
        stability = count * _HAN_STABILITY
        result += weight * (ours + stability) / (theirs + stability)
    return result
