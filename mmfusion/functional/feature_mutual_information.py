"""FMI: mutual information of features in small windows.

Paper: M. Haghighat, M. A. Razian, 'Fast-FMI: non-reference image fusion
metric', AICT 2014; M. Haghighat, A. Aghagolzadeh, H. Seyedarabi, 'A
non-reference image fusion metric based on mutual information of image
features', Computers and Electrical Engineering 37(5), 2011.

The nine values of a window, column by column and scaled to a sum of one, are
taken for the distribution of an index 1..9. Two windows a, f get the joint
distribution

    phi * coupling(a, f) + (1 - phi) * a f',    phi = c / corr(coupling),

where c is the correlation of the nine values and the coupling is the most
dependent joint distribution there is: Frechet's upper bound for c >= 0, the
lower one for c < 0. As in the reference phi may exceed one; logarithms are
those of absolute values then.

What differs is how the joint entropy is found. The mass of the coupling lies
on a staircase of at most 17 of the 81 cells; the entropy of all other cells
follows from the entropies of a and f. The lower bound is the upper bound of
the mirrored f. All windows of a block of rows are treated at once.

Windows without a defined value: equal distributions give 1 (equal windows,
windows that differ by an offset or a factor, two constant windows); a
constant window against another gives 0, since nothing correlates with it
(the reference lets rounding noise decide).
"""
import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from .gradients import sobel
from .image import Image, feature
from .metric import fusion_metric

_SIDE = 3
_CELLS = _SIDE * _SIDE
#: arrays of the size of a block that are held at once
_LAYERS = 40
#: steps a level that features of transforms are rounded to; the long tails of
#: Meyer's filters would else make features of flat areas
_DCT_STEPS, _WAVELET_STEPS = 2.**20, 2.**10
#: the Sobel detector's threshold over the mean squared gradient
_EDGE_FACTOR = 4.
#: taps of the Meyer filter to each side of its centre
_MEYER_REACH = 50
#: positive in float32, too
_TINY = 1e-37


def _pixel(image: Image):
    return image.values


def _gradient(image: Image):
    """Derivative along the width."""
    return image.ops.central(image.values)[0]


def _edge(image: Image):
    """Ones on thin edges, by the default rule of MATLAB's ``edge``.

    Squared Sobel gradient above four times its mean, and largest among the
    neighbours along the axis of the larger derivative.
    """
    ops, xp = image.ops, image.ops.xp
    along, down = (abs(x) for x in sobel(image, 'replicate'))
    power = along * along + down * down
    strong = power > _EDGE_FACTOR * ops.mean(power, keepdims=True)
    around = ops.pad(power, 1, 1, 1, 1, 'replicate')
    peak_along = ((around[..., 1:-1, :-2] <= power) &
                  (power > around[..., 1:-1, 2:]) & (along >= down))
    peak_down = ((around[..., :-2, 1:-1] <= power) &
                 (power > around[..., 2:, 1:-1]) & (down >= along))
    edge = strong & (peak_along | peak_down)
    return xp.where(edge, xp.ones_like(power), xp.zeros_like(power))


def _dct(image: Image):
    """Orthonormal DCT-II of the whole image."""
    ops = image.ops
    height, width = image.size
    mirrored = ops.pad(image.values, 0, height, 0, width, 'symmetric')
    spectrum = ops.rfft2(mirrored)[..., :height, :width]
    rows, columns = (_half_turns(size) for size in (height, width))
    # (a + ib)(c + id) of the two phases, real part of the product.
    phase = rows[:, None] * columns
    real, imaginary = (ops.asarray(part, image.values)
                       for part in (phase.real, phase.imag))
    coefficients = spectrum.real * real - spectrum.imag * imaginary
    return _settled(ops, coefficients, _DCT_STEPS)


@lru_cache(maxsize=8)
def _half_turns(size: int) -> np.ndarray:
    """Phases and scales that make a DCT of a mirrored DFT: (size, )."""
    turns = np.exp(-0.5j * math.pi * np.arange(size) / size)
    scale = np.full(size, math.sqrt(2 / size))
    scale[0] = math.sqrt(1 / size)
    return turns * scale / 2


@lru_cache(maxsize=1)
def meyer_filter() -> tuple[float, ...]:
    """Meyer's low-pass filter, 101 taps about its centre, sum sqrt(2).

    Fourier series of its transfer function by 4096 samples. The dmey filters
    of MATLAB and PyWavelets are other approximations of it; with theirs
    values differ by up to three per cent, most where levels hardly vary.
    """
    samples = 4096
    frequency = np.abs(np.fft.fftfreq(samples)) * 2 * math.pi
    x = np.clip(3 * frequency / math.pi - 1, 0, 1)
    ramp = x**4 * (35 - 84 * x + 70 * x**2 - 20 * x**3)
    taps = np.fft.ifft(np.cos(math.pi / 2 * ramp)).real
    taps = np.roll(taps, _MEYER_REACH)[:2 * _MEYER_REACH + 1]
    return tuple((taps * math.sqrt(2) / taps.sum()).tolist())


@lru_cache(maxsize=4)
def _meyer_transform(size: int) -> np.ndarray:
    """One level of the transform along one side as a matrix.

    Low-pass at even places and high-pass at odd ones, of a side mirrored
    with its edge: (2 n, size), n = (size + 101) // 2 of either.
    """
    low = np.array(meyer_filter())
    high = -low * (-1.)**np.arange(-_MEYER_REACH, _MEYER_REACH + 1)
    count = (size + 2 * _MEYER_REACH + 1) // 2
    around = np.pad(np.eye(size),
                    ((2 * _MEYER_REACH, 2 * _MEYER_REACH + 1), (0, 0)),
                    'symmetric')
    return np.concatenate([
        sum(tap * around[first + index:][:2 * count:2]
            for index, tap in enumerate(taps))
        for first, taps in ((0, low), (1, high))
    ])


def _wavelet(image: Image):
    """One level of the discrete Meyer transform, [cA cH; cV cD]."""
    ops, x = image.ops, image.values
    rows, columns = (ops.asarray(_meyer_transform(size), x)
                     for size in image.size)
    bands = rows @ x @ columns.T
    height, width = (side // 2 for side in bands.shape[-2:])
    upper, lower = bands[..., :height, :], bands[..., height:, :]
    # As in MATLAB, cH is of high frequency along the height, cV the other.
    concatenate = ops.xp.concatenate
    bands = concatenate((concatenate(
        (upper[..., :width], lower[..., :width]),
        -1), concatenate((upper[..., width:], lower[..., width:]), -1)), -2)
    return _settled(ops, bands, _WAVELET_STEPS)


def _settled(ops, x, steps: float):
    """Round to parts of a level, so that rounding noise is no feature."""
    return ops.xp.round(x * steps) / steps


_FEATURES = dict(pixel=_pixel, gradient=_gradient, edge=_edge, dct=_dct,
                 wavelet=_wavelet)


@feature
def _feature_map(image: Image, kind: str):
    """Features of an image, kept with it."""
    return _FEATURES[kind](image)


class Windows(NamedTuple):
    """Every 3x3 window of a block of rows as a distribution of an index.

    Attributes:
        share (np.ndarray | Tensor): (9, ..., h, w), sums to one.
        constant (np.ndarray | Tensor): (..., h, w) True for equal values.
        centred (np.ndarray | Tensor): Shares less their mean.
        norm (np.ndarray | Tensor): (..., h, w) length of ``centred``.
        deviation (np.ndarray | Tensor): (..., h, w) of the index.
        entropy (np.ndarray | Tensor): (..., h, w), nats.
    """
    share: Any
    constant: Any
    centred: Any
    norm: Any
    deviation: Any
    entropy: Any


def _windows(ops, block) -> Windows:
    """Windows of a (..., h + 2, w + 2) block of features."""
    xp = ops.xp
    height, width = (side - _SIDE + 1 for side in block.shape[-2:])
    values = xp.stack([
        block[..., row:row + height, column:column + width]
        for column in range(_SIDE) for row in range(_SIDE)
    ])
    values = values - _fold(xp.minimum, values)
    total = values.sum(0)
    constant = total == 0
    share = xp.where(constant, 1 / _CELLS,
                     values / xp.where(constant, 1., total))
    centred = share - 1 / _CELLS
    mean = sum(index * share[index] for index in range(1, _CELLS))
    variance = sum(share[index] * (index - mean)**2 for index in range(_CELLS))
    return Windows(share, constant,
                   centred, xp.sqrt((centred * centred).sum(0)),
                   xp.sqrt(variance), -_x_log_x(xp, share).sum(0))


def _fold(function, values):
    """Smallest or largest of the first axis."""
    result = values[0]
    for other in values[1:]:
        result = function(result, other)
    return result


def _x_log_x(xp, x):
    """x log |x|, 0 at 0."""
    return x * xp.log(abs(x).clip(_TINY))


def _shared_information(ops, source: Windows, fused: Windows):
    """2 I(a; f) / (H(a) + H(f)) of every window, (..., h, w)."""
    xp = ops.xp
    length = source.norm * fused.norm
    unrelated = source.constant | fused.constant
    correlation = xp.where(unrelated, 0.,
                           (source.centred * fused.centred).sum(0) /
                           xp.where(unrelated, 1., length))
    ours, theirs = source.share, xp.where(correlation < 0,
                                          xp.flip(fused.share, (0, )),
                                          fused.share)
    ours_up_to, theirs_up_to = (xp.cumsum(x, 0) for x in (ours, theirs))
    # Hoeffding: the covariance of indices from distribution functions.
    others = theirs_up_to[:-1]
    covariance = sum((xp.minimum(one, others) - one * others).sum(0)
                     for one in ours_up_to[:-1])
    certain = covariance <= 1e-14
    phi = xp.where(
        certain, 0.,
        abs(correlation) * source.deviation * fused.deviation /
        xp.where(certain, 1., covariance))
    rest = 1 - phi
    # Entropy of rest * a f' in all cells, then the staircase's correction.
    joint = (rest * (source.entropy + fused.entropy) - _x_log_x(xp, rest) -
             _staircase(ops, ours, ours_up_to, theirs, theirs_up_to, phi))
    total = source.entropy + fused.entropy
    none = total == 0
    value = xp.where(none, 0., 2 * (total - joint) / xp.where(none, 1., total))
    equal = _fold(xp.maximum, abs(source.share - fused.share)) == 0
    return xp.where(equal, 1., value)


def _staircase(ops, ours, ours_up_to, theirs, theirs_up_to, phi):
    """Sum of q log|q| - r log|r| over the cells that the coupling fills.

    Here r = (1 - phi) a f' is the cell without and q with the coupling. A
    cell is left either where a's distribution function rises to its next
    value or where that of f does.
    """
    xp = ops.xp
    rest, total = 1 - phi, 0.
    zero = xp.zeros_like(phi)[None]
    for one, one_to, other, other_to, before in ((ours, ours_up_to, theirs,
                                                  theirs_up_to, xp.less),
                                                 (theirs, theirs_up_to, ours,
                                                  ours_up_to, xp.less_equal)):
        start = xp.concatenate((zero, other_to))
        padded = xp.concatenate((other, zero))
        for index in range(_CELLS):
            end = one_to[index]
            partner = before(other_to, end).sum(0)
            begin = ops.pick(start, partner)
            if index:
                begin = xp.maximum(begin, one_to[index - 1])
            alone = rest * one[index] * ops.pick(padded, partner)
            both = alone + phi * (end - begin).clip(0)
            total = total + _x_log_x(xp, both) - _x_log_x(xp, alone)
    return total


_FMI = dict(higher_is_better=True, value_range=(0, 1), min_size=_SIDE)
_SOURCE = 'Haghighat et al. 2011; features: '


@fusion_metric(
    'FMI', 'wavelet', float32_safe=False, options=dict(kind='wavelet'),
    reference=_SOURCE + 'discrete Meyer transform by 101 taps of its Fourier '
    'series; not MATLAB\'s dmey, from which it may differ by some per cent',
    **_FMI)
@fusion_metric('FMI', 'dct', float32_safe=False, options=dict(kind='dct'),
               reference=_SOURCE + 'orthonormal DCT-II of the image', **_FMI)
@fusion_metric(
    'FMI', 'edge', options=dict(kind='edge'),
    reference=_SOURCE + 'Sobel edges as MATLAB describes its detector; no '
    'reference values exist', **_FMI)
@fusion_metric('FMI', 'gradient', options=dict(kind='gradient'),
               reference=_SOURCE + 'derivative along the width', **_FMI)
@fusion_metric('FMI', 'pixel', default=True, reference=_SOURCE + 'grey levels',
               **_FMI)
def feature_mutual_information(fused: Image, sources: Sequence[Image],
                               kind: str = 'pixel'):
    """Mean over windows and sources of the normalized information shared.

    1 for identical images and for two constant ones, 0 for a constant image
    against one whose features have no constant window. Single windows may
    exceed 1 where phi does.
    """
    ops = fused.ops
    ours = _feature_map(fused, kind)
    theirs = [_feature_map(source, kind) for source in sources]
    total = 0.
    for rows in ops.row_blocks(ours, _SIDE - 1, _LAYERS):
        own = _windows(ops, ours[..., rows, :])
        for their in theirs:
            shared = _shared_information(ops, _windows(ops, their[...,
                                                                  rows, :]),
                                         own)
            total = total + ops.sum(shared)
    windows = math.prod(side - _SIDE + 1 for side in ours.shape[-2:])
    return total / (windows * len(sources))
