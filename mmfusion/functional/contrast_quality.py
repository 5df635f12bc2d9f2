"""Q_CB and Q_CV: fused images as the human eye sees contrast.

Both stretch and round every image first, and weigh frequencies by a contrast
sensitivity function in the Fourier domain. The spectrum of a source, and
what is filtered from it, are kept with the source.
"""
import math
from collections.abc import Sequence
from functools import cache, lru_cache

import numpy as np

from .gradients import sobel_magnitude
from .guards import ratio
from .image import Image, feature, pair_feature
from .levels import stretched
from .metric import fusion_metric

#: widths of the difference of Gaussians, cycles per degree
_EXCITATION, _INHIBITION, _INHIBITION_SHARE = 15.387, 1.3456, 0.7622
_BAND_SIDE, _BAND_SIGMAS = 31, (2., 4.)
_MASKING = 1e-4
_BLOCK = 16
_SALIENCY_POWER = 5


@lru_cache(maxsize=8)
def _radius(height: int, width: int, cycles: float) -> np.ndarray:
    """Distance to frequency zero, half a spectrum (H, W // 2 + 1).

    The highest frequency along a side is the side divided by ``cycles``.
    """
    v = 2 * np.fft.fftfreq(height) * height / cycles
    u = 2 * np.fft.rfftfreq(width) * width / cycles
    return np.hypot(v[:, None], u)


@lru_cache(maxsize=4)
def _band_pass(height: int, width: int) -> np.ndarray:
    """Sensitivity of Q_CB: a difference of two Gaussians."""
    r = _radius(height, width, 30)
    return (np.exp(-(r / _EXCITATION)**2) -
            _INHIBITION_SHARE * np.exp(-(r / _INHIBITION)**2))


@lru_cache(maxsize=4)
def _mannos_sakrison(height: int, width: int) -> np.ndarray:
    """Sensitivity of Q_CV (Mannos & Sakrison 1974)."""
    r = 0.144 * _radius(height, width, 8)
    return 2.6 * (0.0192 + r) * np.exp(-r**1.1)


@cache
def _gaussian_side(sigma: float) -> tuple[float, ...]:
    """Side of a cut-off Gaussian whose uncut sum is one."""
    distance = np.arange(_BAND_SIDE) - _BAND_SIDE // 2
    weights = np.exp(-distance**2 / (2 * sigma**2))
    return tuple((weights / (math.sqrt(2 * math.pi) * sigma)).tolist())


@feature
def _spectrum(image: Image):
    """Half a spectrum of the image."""
    return image.ops.rfft2(image.values)


def _seen(image: Image, sensitivity: np.ndarray):
    """The image under a contrast sensitivity function, (..., H, W)."""
    ops = image.ops
    weights = ops.asarray(sensitivity, image.values)
    return ops.irfft2(_spectrum(image) * weights, image.size)


@feature
def masked_contrast(image: Image):
    """Local contrast behind the masking of Q_CB, (..., H, W).

    ``|narrow / wide - 1|`` of two Gaussian means; 0 where the wide one is 0.
    """
    ops = image.ops
    seen = _seen(image, _band_pass(*image.size))
    narrow, wide = (ops.separable(seen, side, side, 'zero')
                    for side in map(_gaussian_side, _BAND_SIGMAS))
    contrast = abs(ratio(ops.xp, narrow - wide, wide, 0.))
    square = contrast * contrast
    return square * contrast / (square + _MASKING)


@fusion_metric('QCB', 'chen_blum', higher_is_better=True, value_range=(0, 1),
               default=True, needs_integers=True,
               reference='Chen & Blum 2009; Liu et al. 2012')
def chen_blum(fused: Image, sources: Sequence[Image]):
    """Share of the sources' contrast that F keeps.

    Mean of sum_S C_S^2 min(C_S, C_F) / max(C_S, C_F) / sum_S C_S^2; equal
    contrasts keep all, and sources without contrast weigh the same.
    """
    xp = fused.ops.xp
    ours = masked_contrast(stretched(fused))
    kept, weights = [], []
    for source in sources:
        theirs = masked_contrast(stretched(source))
        kept.append(
            ratio(xp, xp.minimum(ours, theirs), xp.maximum(ours, theirs), 1.))
        weights.append(theirs * theirs)
    weighted = sum(w * k for w, k in zip(weights, kept, strict=True))
    return fused.ops.mean(
        ratio(xp, weighted, sum(weights),
              sum(kept) / len(kept)))


def _block_sums(image: Image, values):
    """Sums over blocks of 16 x 16 pixels, zeros beyond the border."""
    height, width = image.size
    values = image.ops.pad(values, 0, -height % _BLOCK, 0, -width % _BLOCK,
                           'zero')
    height, width = (-(-side // _BLOCK) for side in (height, width))
    blocks = values.reshape(*values.shape[:-2], height, _BLOCK, width, _BLOCK)
    return blocks.sum((-3, -1))


@feature
def _saliency(image: Image):
    """Fifth powers of the gradient, summed in blocks."""
    return _block_sums(image, sobel_magnitude(image, 'zero')**_SALIENCY_POWER)


@feature
def _seen_distance_part(image: Image):
    """The image as Q_CV compares it, (..., H, W)."""
    return _seen(image, _mannos_sakrison(*image.size))


@pair_feature
def _block_distance(fused: Image, source: Image):
    """Mean square of the difference that is seen, of each block."""
    difference = _seen_distance_part(source) - _seen_distance_part(fused)
    return _block_sums(fused, difference * difference) / _BLOCK**2


@fusion_metric('QCV', 'chen_varshney', higher_is_better=False,
               value_range=(0, math.inf), default=True, needs_integers=True,
               reference='Chen & Varshney 2007; Liu et al. 2012')
def chen_varshney(fused: Image, sources: Sequence[Image]):
    """Difference that is seen, weighted by the saliency of the sources.

    sum D_S s_S / sum s_S over blocks and sources; the plain mean where no
    source has an edge.
    """
    fused = stretched(fused)
    weighted, weights, plain = 0, 0, 0
    for source in map(stretched, sources):
        distance, saliency = _block_distance(fused, source), _saliency(source)
        weighted = weighted + (distance * saliency).sum((-2, -1))
        weights = weights + saliency.sum((-2, -1))
        plain = plain + distance.mean((-2, -1)) / len(sources)
    return ratio(fused.ops.xp, weighted, weights, plain)
