"""Q^{AB/F}: how much of the sources' edges F keeps.

Papers: C. S. Xydeas, V. Petrovic, 'Objective image fusion performance
measure', Electronics Letters 36(4), 2000; M. Hossny, S. Nahavandi, D.
Creighton, 2008 for the constants of most code.
"""
import math
from collections.abc import Sequence
from typing import Any

from .bands import bands, cut
from .gradients import compact, sobel, sobel_magnitude
from .guards import ratio
from .image import Image, feature
from .metric import fusion_metric

_HALF_TURN = math.pi / 2
#: strength, then orientation: largest value, slope, centre of the sigmoid
_HONG = ((0.9994, 15., 0.5), (0.9879, 22., 0.8))
_LIU = ((1., 10., 0.5), (1., 20., 0.75))
_LIU_EPSILON = 1e-5
_TINY = 1e-30
#: angle of a vertical gradient. With x counted as a convolution counts it,
#: which is the opposite way, references have pi/2; differences are the same.
_VERTICAL = -_HALF_TURN


def sigmoid(xp, x, largest: float, slope: float, centre: float):
    """largest / (1 + exp(-slope (x - centre)))."""
    return largest / (1 + xp.exp(slope * (centre - x)))


def strength_ratio(xp, ours, theirs, equal):
    """Smaller over larger strength, and ``equal`` where they are equal."""
    larger, smaller = xp.maximum(ours, theirs), xp.minimum(ours, theirs)
    same = larger == smaller
    return xp.where(same, equal, smaller / xp.where(same, 1., larger))


@feature
def _edges(band: Image) -> tuple[Any, Any]:
    """Strength and orientation of the Sobel gradient inside of the rim."""
    along, down = band.ops.sobel(band.values, 'valid')
    return (band.ops.magnitude(along,
                               down), band.ops.angle(along, down, _VERTICAL))


@feature
def _unit_edges(band: Image) -> tuple[Any, Any]:
    """The same of values in 0..1, summed in the order of the reference.

    There, the gradient of a flat patch is not 0 but what rounding leaves,
    and that decides on its orientation.
    """
    xp, (height, width) = band.ops.xp, band.size
    values = band.values / 255
    along = down = 0.
    for column in (2, 1, 0):
        for row in (2, 1, 0):
            part = values[..., row:row + height - 2, column:column + width - 2]
            along = along + (column - 1) * (2 - abs(row - 1)) * part
            down = down + (row - 1) * (2 - abs(column - 1)) * part
    return (xp.sqrt(along * along + down * down),
            band.ops.angle(along, down, _VERTICAL))


@fusion_metric('Qabf', 'unit', higher_is_better=True, value_range=(0, 0.9876),
               reference='Tang, MATLAB before 2023-03: values in 0..1',
               correct=False, options=dict(edges=_unit_edges),
               float32_safe=False)
@fusion_metric(
    'Qabf', 'hong', higher_is_better=True, value_range=(0, 0.9876),
    default=True,
    reference='Xydeas & Petrovic 2000; constants of Hong, FILM, Tang, VIFB')
def edge_preservation(fused: Image, sources: Sequence[Image], edges=_edges):
    """Edges of the sources that F has, in strength and orientation.

    Sum of Q_S g_S over pixels and sources over the sum of g_S, the
    strength of the gradient; 0 where no source has any. As in all code, a
    pixel whose strengths are equal takes the strength itself for their
    ratio, and orientations are not wrapped.
    """
    kept = total = 0.
    theirs = [bands(compact(source), 2, 'zero') for source in sources]
    ours = cut(compact(fused), 2, 'zero')
    for band, *others in zip(ours, *theirs, strict=True):
        own = edges(band)
        for other in others:
            found, strength = _kept_and_given(fused.ops, own, edges(other))
            kept, total = kept + found, total + strength
    return ratio(fused.ops.xp, kept, total, 0.)


def _kept_and_given(ops, ours, theirs) -> tuple[Any, Any]:
    """Sums of Q_S g_S and of g_S; Q_S is a product of two sigmoids."""
    xp = ops.xp
    (strength, angle), (its_strength, its_angle) = ours, theirs
    (one, slope, centre), (other, its_slope, its_centre) = _HONG
    relative = xp.minimum(strength, its_strength) / ops.at_least(
        xp.maximum(strength, its_strength), _TINY)
    relative = ops.overwrite(relative, strength == its_strength, strength)
    turn = ops.distance(its_angle, angle)
    # The alignment is 1 - turn / (pi / 2).
    spoilt = xp.exp(ops.linear(relative, -slope, slope * centre)) + 1
    spoilt *= xp.exp(
        ops.linear(turn, its_slope / _HALF_TURN, its_slope *
                   (its_centre - 1))) + 1
    return one * other * ops.sum(its_strength / spoilt), ops.sum(its_strength)


@feature
def _guarded_edges(image: Image) -> tuple[Any, Any]:
    """Strength and orientation with a trace added to zero gradients."""
    xp = image.ops.xp
    along, down = sobel(image, 'zero')
    strength = sobel_magnitude(image, 'zero')
    strength = xp.where(strength == 0, _LIU_EPSILON, strength)
    along = xp.where(along == 0, _LIU_EPSILON, along)
    return strength, xp.arctan(down / along)


@fusion_metric('QG', 'liu', higher_is_better=True, value_range=(0, 1),
               default=True,
               reference='Xydeas & Petrovic 2000 as in Liu et al. 2012')
def gradient_quality(fused: Image, sources: Sequence[Image]):
    """Mean over pixels of sum_S Q_S g_S / sum_S g_S.

    Orientations are wrapped; flat places count as much as edges, and a flat
    place of all images is kept.
    """
    ops, xp = fused.ops, fused.ops.xp
    ours, angle = _guarded_edges(fused)
    kept = total = 0.
    for source in sources:
        theirs, its_angle = _guarded_edges(source)
        turn = abs(abs(its_angle - angle) - _HALF_TURN) / _HALF_TURN
        quality = sigmoid(xp, strength_ratio(xp, ours, theirs, 1.), *
                          _LIU[0]) * sigmoid(xp, turn, *_LIU[1])
        kept, total = kept + quality * theirs, total + theirs
    return ops.mean(kept / total)
