"""Q_P: how well the phase congruency of the sources is kept.

Papers: P. Kovesi, 'Image features from phase congruency', Videre 1(3), 1999;
J. Zhao, R. Laganiere, Z. Liu, 'Performance assessment of combinative
pixel-level image fusion based on an absolute feature measurement', IJICIC
3(6), 2007. Constants are those of the toolbox of Liu et al. (TPAMI 2012), and
so are two of its habits: the cross term of the moments is a quarter of
Kovesi's later one, and the features of the sources, but not those of the
fused image, are set to zero where the phase congruency is weak.

What differs is speed. Log-Gabor filters are real in the Fourier domain, so
the response splits into a real image by the even part of the filter and
another by its odd part: two real transforms of half a spectrum. Features of
a source are kept with the source.
"""
import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from .image import Image, feature
from .metric import fusion_metric
from .windows import local_covariance, local_variance

_SCALES, _ORIENTATIONS = 4, 6
_SHORTEST_WAVE, _WAVE_RATIO = 3., 2.1
#: spread of a filter over frequencies and over angles
_SIGMA_ON_FREQUENCY = 0.55
_ANGLE_SIGMA = math.pi / _ORIENTATIONS / 1.2
_LOW_PASS_CUT, _LOW_PASS_ORDER = 0.45, 15
#: noise: standard deviations above its mean, empirical rescaling
_NOISE_DEVIATIONS, _NOISE_RESCALING = 2., 1.7
#: penalty for few frequencies: where it sets in and how steeply
_SPREAD_CUT, _SPREAD_GAIN = 0.5, 10.
_EPSILON = 1e-4
#: a feature is where the phase congruency exceeds this
_FEATURE_LEVEL = 0.1
_WINDOW = (11, 1.5, 'zero')
_STABILITY = 1e-4


class FilterBank(NamedTuple):
    """Log-Gabor filters of one image size, half spectra as of ``rfft2``.

    A filter is ``radial[scale] * (even[o] + odd[o])``; the parts are even
    and odd functions of the frequency.

    Attributes:
        radial (np.ndarray): (4, H, W // 2 + 1).
        even (np.ndarray): (6, H, W // 2 + 1).
        odd (np.ndarray): (6, H, W // 2 + 1).
        noise (np.ndarray): (6, ) squared threshold of the noise for a
            median squared amplitude of one at the smallest scale.
    """
    radial: np.ndarray
    even: np.ndarray
    odd: np.ndarray
    noise: np.ndarray


def _frequencies(size: int, divisor: int) -> np.ndarray:
    """-size // 2 ... over ``divisor``, zero frequency first."""
    steps = np.arange(size) - size // 2
    return np.fft.ifftshift(steps) / divisor


def _reversed(x: np.ndarray) -> np.ndarray:
    """Values at the opposite frequencies."""
    return np.roll(x[..., ::-1, ::-1], (1, 1), (-2, -1))


@lru_cache(maxsize=2)
def filter_bank(height: int, width: int) -> FilterBank:
    """Log-Gabor filters for images of one size.

    The reference divides odd sizes by one less, but not in its low-pass.
    """
    v, u = (_frequencies(n, n - n % 2)[:, None] for n in (height, width))
    u = u.T
    radius, angle = np.hypot(u, v), np.arctan2(-v, u)
    radius[0, 0] = 1
    low_pass = 1 / (1 + (np.hypot(
        _frequencies(width, width)[None],
        _frequencies(height, height)[:, None]) / _LOW_PASS_CUT)**
                    (2 * _LOW_PASS_ORDER))
    centres = [
        1 / (_SHORTEST_WAVE * _WAVE_RATIO**scale) for scale in range(_SCALES)
    ]
    radial = np.stack([
        np.exp(-np.log(radius / centre)**2 /
               (2 * math.log(_SIGMA_ON_FREQUENCY)**2)) * low_pass
        for centre in centres
    ])
    radial[:, 0, 0] = 0
    directions = np.arange(_ORIENTATIONS) * (math.pi / _ORIENTATIONS)
    turn = np.angle(np.exp(1j * (angle - directions[:, None, None])))
    angular = np.exp(-turn**2 / (2 * _ANGLE_SIGMA**2))
    opposite = _reversed(angular)
    even, odd = (angular + opposite) / 2, (angular - opposite) / 2
    smallest = ((radial[0] * angular)**2).sum((-2, -1))
    together = ((radial.sum(0) * even)**2).sum((-2, -1))
    # Noise power is the mean of a Rayleigh distribution with this median.
    factor = (math.sqrt(math.pi / 2) + _NOISE_DEVIATIONS *
              math.sqrt(2 - math.pi / 2)) / _NOISE_RESCALING
    noise = factor**2 * together / smallest / math.log(2)
    half = slice(0, width // 2 + 1)
    radial, even, odd = (np.ascontiguousarray(part[..., half])
                         for part in (radial, even, odd))
    return FilterBank(radial, even, odd, noise)


class PhaseFeatures(NamedTuple):
    """Phase congruency and its moments over the orientations.

    Attributes:
        congruency (Image): 0 to 1.
        edges (Image): Largest moment.
        corners (Image): Smallest moment.
    """
    congruency: Image
    edges: Image
    corners: Image


@feature
def phase_features(image: Image) -> PhaseFeatures:
    """Phase congruency of an image, (..., H, W) each."""
    ops = image.ops
    bank = filter_bank(*image.size)
    radial, even, odd = (ops.asarray(part, image.values) for part in bank[:3])
    spectrum = ops.rfft2(image.values)
    # Real transforms take the odd part a quarter turn further.
    turned = -1j * spectrum
    blocks = ops.row_blocks(image.values)
    totals = [(0., ) * 5 for _ in blocks]
    for index in range(_ORIENTATIONS):
        halves = spectrum * even[index], turned * odd[index]
        responses = [
            tuple(
                ops.irfft2(half * radial[scale], image.size)
                for half in halves) for scale in range(_SCALES)
        ]
        power = responses[0][0]**2 + responses[0][1]**2
        threshold = ops.xp.sqrt(
            float(bank.noise[index]) * ops.median(power, keepdims=True))
        for place, rows in enumerate(blocks):
            terms = _orientation_terms(ops, [(e[..., rows, :], o[..., rows, :])
                                             for e, o in responses], threshold,
                                       index * math.pi / _ORIENTATIONS)
            totals[place] = tuple(
                x + y for x, y in zip(totals[place], terms, strict=True))
    maps = zip(*(_moments(ops, *total) for total in totals), strict=True)
    return PhaseFeatures(*(image.derive(ops.xp.concatenate(parts, -2))
                           for parts in maps))


def _orientation_terms(ops, responses: Sequence[tuple[Any, Any]], threshold,
                       direction: float) -> tuple:
    """What one orientation adds to the sums over the orientations.

    Args:
        ops (NumpyOps | TorchOps): Backend.
        responses (sequence[tuple]): Even and odd response of each scale.
        threshold (np.ndarray | Tensor): Energy of the noise, (..., 1, 1).
        direction (float): Orientation, radians.

    Returns:
        tuple: Weighted energy above the noise, sum of the amplitudes, and
        the squared phase congruency times cos^2, sin^2 and sin cos of the
        direction.
    """
    xp = ops.xp
    even = sum(response[0] for response in responses)
    odd = sum(response[1] for response in responses)
    length = ops.magnitude(even, odd) + _EPSILON
    # Projection on the mean phase less the distance to it.
    away = sum(abs(e * odd - o * even) for e, o in responses)
    energy = (even * even + odd * odd - away) / length
    amplitudes = [ops.magnitude(e, o) for e, o in responses]
    amplitude, largest = sum(amplitudes), amplitudes[0]
    for other in amplitudes[1:]:
        largest = xp.maximum(largest, other)
    width = amplitude / (largest + _EPSILON) / _SCALES
    weight = 1 / (1 + xp.exp((_SPREAD_CUT - width) * _SPREAD_GAIN))
    energy = weight * (energy - threshold).clip(0)
    congruency = energy / xp.where(amplitude > 0, amplitude, 1.)
    square = congruency * congruency
    cos, sin = math.cos(direction), math.sin(direction)
    return (energy, amplitude, square * cos**2, square * sin**2,
            square * (cos * sin))


def _moments(ops, energy, amplitude, along, down, cross) -> tuple:
    """Phase congruency, largest and smallest moment of the sums."""
    along, down = (x * (2 / _ORIENTATIONS) for x in (along, down))
    spread = ops.magnitude(cross / _ORIENTATIONS, along - down) + _EPSILON
    return (energy / (amplitude + _EPSILON), (along + down + spread) / 2,
            (along + down - spread) / 2)


@feature
def _source_features(image: Image) -> PhaseFeatures:
    """Features of a source, zero where its phase congruency is weak."""
    found = phase_features(image)
    live = found.congruency.values > _FEATURE_LEVEL
    return PhaseFeatures(*(image.derive(x.values * live) for x in found))


@feature
def _strongest_features(first: Image, *others: Image) -> PhaseFeatures:
    """Per pixel the features of the source of largest phase congruency."""
    best = [x.values for x in _source_features(first)]
    for other in others:
        rival = [x.values for x in _source_features(other)]
        better = best[0] > rival[0]
        best = [
            first.ops.xp.where(better, x, y)
            for x, y in zip(best, rival, strict=True)
        ]
    return PhaseFeatures(*(first.derive(x) for x in best))


def _agreement(ours: Image, theirs: Image):
    """Correlation of two maps of features under a window."""
    covariance = local_covariance(ours, theirs, *_WINDOW)
    deviations = ours.ops.xp.sqrt((local_variance(ours, *_WINDOW) *
                                   local_variance(theirs, *_WINDOW)).clip(0))
    return (covariance + _STABILITY) / (deviations + _STABILITY)


@fusion_metric(
    'QP', 'zhao', higher_is_better=True, value_range=(-1, 1), min_size=11,
    default=True, float32_safe=False,
    reference='Zhao et al. 2007; Kovesi 1999, constants of Liu et al. 2012')
def phase_congruency_quality(fused: Image, sources: Sequence[Image]):
    """Product over three features of how well they are kept.

    The features are phase congruency, edges and corners. F is correlated
    with each source and with the strongest of them where these have
    features; the best correlation counts; mean over the pixels where any
    source has features. 0 where no source has any and for a flat fused
    image (to which the constants of the formula would give 1). Because of
    the zeros in the features of the sources, F = A = B stays below 1.
    """
    ops, xp = fused.ops, fused.ops.xp
    ours = phase_features(fused)
    references = [_source_features(source) for source in sources]
    references.append(_strongest_features(*sources))
    live = [x.congruency.values > _FEATURE_LEVEL for x in references]
    area = ops.sum(live[-1] * 1.)
    quality = 1.
    for index, own in enumerate(ours):
        best = None
        for reference, mask in zip(references, live, strict=True):
            kept = _agreement(own, reference[index]) * mask
            best = kept if best is None else xp.maximum(best, kept)
        quality = quality * ops.sum(best) / area.clip(1)
    flat = ops.amax(fused.values) == ops.amin(fused.values)
    return xp.where(flat, 0., quality)
