"""Transfer of detail: wavelet coefficients (Q_M), spatial frequency (Q_SF)."""
import math
from collections.abc import Sequence

from .guards import ratio
from .image import Image, feature, pair_feature
from .metric import fusion_metric

_LEVEL_WEIGHTS = (2 / 3, 1 / 3)
_DIAGONAL_WEIGHT = 2**-0.5


@feature
def haar(image: Image):
    """One level of the orthonormal Haar transform.

    The last line of an odd height or width is left out.

    Returns:
        tuple[Image, tuple]: The approximation, and the details along the
        height, the width and the diagonal, each of half the size.
    """
    height, width = (side // 2 * 2 for side in image.size)
    x = image.values[..., :height, :width]
    top, bottom = x[..., ::2, :], x[..., 1::2, :]
    (low, along), (down, diagonal) = ((half[..., ::2] + half[..., 1::2],
                                       half[..., ::2] - half[..., 1::2])
                                      for half in (top + bottom, top - bottom))
    return image.derive(low / 2), (down / 2, along / 2, diagonal / 2)


@feature
def _energy(image: Image):
    """Squares of the details of :func:`haar`, summed."""
    return sum(band * band for band in haar(image)[1])


@pair_feature
def _preserved(image: Image, other: Image):
    """Sum over the bands of exp(-|difference of the details|)."""
    xp = image.ops.xp
    return sum(
        xp.exp(-abs(one - two))
        for one, two in zip(haar(image)[1],
                            haar(other)[1], strict=True))


@fusion_metric(
    'QM', 'pww', higher_is_better=True, value_range=(0, 3), min_size=4,
    default=True,
    reference='Wang & Liu 2008 (PWW); Liu et al. 2012: Haar, two levels')
def wavelet_quality(fused: Image, sources: Sequence[Image]):
    """Details of the sources that F keeps, weighted by their energy.

    3 if all are kept, for the reference sums ``exp(-|d_S - d_F|)`` over three
    bands; the two levels are multiplied to the powers 2/3 and 1/3. Without
    any detail in the sources all places count equally.
    """
    ops = fused.ops
    result = 1.
    for weight in _LEVEL_WEIGHTS:
        kept = [_preserved(fused, source) for source in sources]
        energies = [_energy(source) for source in sources]
        weighted = sum(
            ops.dot(k, e) for k, e in zip(kept, energies, strict=True))
        plain = sum(ops.mean(k) for k in kept) / len(sources)
        total = sum(ops.sum(energy) for energy in energies)
        result = result * ratio(ops.xp, weighted, total, plain)**weight
        fused = haar(fused)[0]
        sources = [haar(source)[0] for source in sources]
    return result


@feature
def _differences(image: Image):
    """Absolute differences to neighbours: 2 axes, 2 diagonals."""
    x = image.values
    return (abs(x[..., :, 1:] - x[..., :, :-1]),
            abs(x[..., 1:, :] - x[..., :-1, :]),
            abs(x[..., 1:, 1:] - x[..., :-1, :-1]),
            abs(x[..., 1:, :-1] - x[..., :-1, 1:]))


def _frequency(image: Image, differences):
    """Spatial frequency of four directions, those of ``image``'s size."""
    along, down, *diagonals = (image.ops.dot(part, part)
                               for part in differences)
    total = along + down + _DIAGONAL_WEIGHT * sum(diagonals)
    return image.ops.xp.sqrt(total / (image.size[0] * image.size[1]))


@fusion_metric('QSF', 'zheng', higher_is_better=None,
               value_range=(-1, math.inf), min_size=2, default=True,
               reference='Zheng et al. 2007; Liu et al. 2012')
def spatial_frequency_ratio(fused: Image, sources: Sequence[Image]):
    """(SF_F - SF_R) / SF_R: negative if F lost detail, positive if it won.

    SF_R is of the largest difference of a source, at every pixel and in
    each direction. It counts as 1 if all sources are flat.
    """
    wanted = _differences(sources[0])
    for source in sources[1:]:
        wanted = [
            fused.ops.xp.maximum(one, two)
            for one, two in zip(wanted, _differences(source), strict=True)
        ]
    reference = _frequency(fused, wanted)
    own = _frequency(fused, _differences(fused))
    return ratio(fused.ops.xp, own - reference, reference, own)
