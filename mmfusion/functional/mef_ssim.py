"""MEF-SSIM: similarity with the best patch that the sources could give."""
import math
from collections.abc import Sequence

from .image import Image
from .metric import fusion_metric
from .pyramids import halved
from .windows import FLAT_VARIANCE, exact, local_covariance, local_variance

_SIDE = 11
_BOX = (_SIDE, None, 'valid')
_GAUSS = (_SIDE, 1.5, 'valid')
_CONSTANT = (0.03 * 255)**2
_STRENGTH_OFFSET = 0.001
_MAX_POWER = 10.
_LEVEL_WEIGHTS = (0.0448, 0.2856, 0.3001)
_REFERENCE = 'Ma, Zeng & Wang 2015; '


def _products(images: Sequence[Image], window: tuple) -> list:
    """Local covariances of all images with each other: [i][j]."""
    table = [[None] * len(images) for _ in images]
    for i, image in enumerate(images):
        table[i][i] = local_variance(image, *window)
        for j in range(i):
            # The first image keeps them: sources share theirs among
            # methods.
            table[i][j] = table[j][i] = local_covariance(
                images[j], image, *window)
    return table


def _quadratic(factors: Sequence, table: list):
    """Variance of sum_k factors_k x_k from the covariances of the x_k."""
    total = 0.
    for i, factor in enumerate(factors):
        total = total + factor * factor * table[i][i]
        for j in range(i):
            total = total + 2 * factor * factors[j] * table[i][j]
    return total


def _wanted_mixture(ops, table: list) -> list:
    """Factors c_k of the wanted patch sum_k c_k (x_k - mean x_k).

    Args:
        ops (NumpyOps | TorchOps): Backend.
        table (list): Covariances of the sources in equally weighted
            windows.

    Returns:
        list: One map for each source; 0 where the patch has no structure.
    """
    xp, pixels = ops.xp, _SIDE**2
    count = len(table)
    variances = [table[k][k] for k in range(count)]
    variances = [xp.where(v < FLAT_VARIANCE, 0., v) for v in variances]
    lengths = [xp.sqrt(pixels * v) for v in variances]
    strengths = [length + _STRENGTH_OFFSET for length in lengths]
    strongest = strengths[0]
    for strength in strengths[1:]:
        strongest = xp.maximum(strongest, strength)

    together = xp.sqrt(pixels * _quadratic([1.] * count, table).clip(0))
    apart = sum(lengths)
    live = apart > 0
    consistency = xp.where(live, together / xp.where(live, apart, 1.), 1.)
    # tan has its pole at consistency 1, far above the largest power
    bound = 2 / math.pi * math.atan(_MAX_POWER)
    power = xp.tan(math.pi / 2 * consistency.clip(0, bound))
    weights = [(s / strongest)**power for s in strengths]
    total = sum(weights)
    factors = [
        w / (total * s) for w, s in zip(weights, strengths, strict=True)
    ]
    square = pixels * _quadratic(factors, table)
    # A mixture of unit vectors; a length within rounding is none.
    live = square > 1e-12
    scale = xp.where(live, strongest / xp.sqrt(xp.where(live, square, 1.)), 0.)
    return [factor * scale for factor in factors]


def _mean_similarity(fused: Image, sources: Sequence[Image]):
    """MEF-SSIM at one scale."""
    factors = _wanted_mixture(fused.ops, _products(sources, _BOX))
    wanted = _quadratic(factors, _products(sources, _GAUSS))
    shared = sum(factor * local_covariance(fused, source, *_GAUSS)
                 for factor, source in zip(factors, sources, strict=True))
    own = local_variance(fused, *_GAUSS)
    return fused.ops.mean(
        (2 * shared + _CONSTANT) / (wanted + own + _CONSTANT))


@fusion_metric(
    'SSIM', 'tang2022', higher_is_better=True, value_range=(-1, 1),
    min_size=_SIDE, correct=False,
    reference='Tang, MATLAB before 2023-03: MEF-SSIM by the name of SSIM')
@fusion_metric('MEF_SSIM', 'ma', higher_is_better=True, value_range=(-1, 1),
               min_size=_SIDE, default=True,
               reference=_REFERENCE + 'one scale')
def mef_ssim(fused: Image, sources: Sequence[Image]):
    """Mean likeness of F's patches to the strongest mixture of the sources.

    The wanted patch has the structure of a mixture of the sources' patches,
    weighted by their strength to a power that rises with their consistency,
    and the strength of the strongest of them. Where all sources are flat,
    it is flat, too.
    """
    fused, *sources = (exact(image) for image in (fused, *sources))
    return _mean_similarity(fused, sources)


@fusion_metric('MS_SSIM', 'tang', higher_is_better=True, value_range=(0, 1),
               min_size=41, correct=False,
               reference='Tang, MATLAB: MEF-MS-SSIM by the name of MS-SSIM')
@fusion_metric('MEF_MS_SSIM', 'ma', higher_is_better=True, value_range=(0, 1),
               min_size=41, default=True,
               reference=_REFERENCE + 'three scales')
def mef_ms_ssim(fused: Image, sources: Sequence[Image]):
    """Weighted geometric mean of the MEF-SSIM of three scales.

    A negative MEF-SSIM of a scale counts as 0.
    """
    images = [exact(image) for image in (fused, *sources)]
    result = 1.
    for level, weight in enumerate(_LEVEL_WEIGHTS):
        if level:
            images = [halved(image, 'repeat') for image in images]
        term = _mean_similarity(images[0], images[1:]).clip(0)
        result = result * term**(weight / sum(_LEVEL_WEIGHTS))
    return result
