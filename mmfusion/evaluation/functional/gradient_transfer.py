"""Q^{AB/F}: how much of the sources' edges F keeps.

Papers: C. S. Xydeas, V. Petrovic, 'Objective image fusion performance
measure', Electronics Letters 36(4), 2000; M. Hossny, S. Nahavandi, D.
Creighton, 2008 for the constants of most code.
"""
import math
from typing import Any, Sequence, Tuple

from .gradients import sobel, sobel_magnitude
from .guards import ratio
from .image import Image, feature
from .metric import fusion_metric

_HALF_TURN = math.pi / 2
#: strength, then orientation: largest value, slope, centre of the sigmoid
_HONG = ((0.9994, 15., 0.5), (0.9879, 22., 0.8))
_LIU = ((1., 10., 0.5), (1., 20., 0.75))
_LIU_EPSILON = 1e-5


def sigmoid(xp, x, largest: float, slope: float, centre: float):
    """largest / (1 + exp(-slope (x - centre)))."""
    return largest / (1 + xp.exp(slope * (centre - x)))


def orientation(xp, along, down):
    """Angle of gradients, -pi/2 to pi/2, and -pi/2 for vertical ones.

    With x counted as a convolution counts it, which is the opposite way,
    references have pi/2 there; differences are the same.
    """
    return xp.where(along == 0, -_HALF_TURN,
                    xp.arctan(down / xp.where(along == 0, 1., along)))


def strength_ratio(xp, ours, theirs, equal):
    """Smaller over larger strength, and ``equal`` where they are equal."""
    larger, smaller = xp.maximum(ours, theirs), xp.minimum(ours, theirs)
    same = larger == smaller
    return xp.where(same, equal, smaller / xp.where(same, 1., larger))


@feature
def _edges(image: Image) -> Tuple[Any, Any]:
    """Strength and orientation of the Sobel gradient."""
    along, down = sobel(image, 'zero')
    return (sobel_magnitude(image, 'zero'),
            orientation(image.ops.xp, along, down))


@feature
def _unit_edges(image: Image) -> Tuple[Any, Any]:
    """The same of values in 0..1, summed in the order of the reference.

    There, the gradient of a flat patch is not 0 but what rounding leaves,
    and that decides on its orientation.
    """
    xp, (height, width) = image.ops.xp, image.size
    padded = image.ops.pad(image.values / 255, 1, 1, 1, 1, 'zero')
    along = down = 0.
    for column in (2, 1, 0):
        for row in (2, 1, 0):
            part = padded[..., row:row + height, column:column + width]
            along = along + (column - 1) * (2 - abs(row - 1)) * part
            down = down + (row - 1) * (2 - abs(column - 1)) * part
    return xp.sqrt(along * along + down * down), orientation(xp, along, down)


@fusion_metric(
    'Qabf', 'unit', higher_is_better=True, value_range=(0, 0.9876),
    reference='Tang, MATLAB before 2023-03: values in 0..1', correct=False,
    options=dict(edges=_unit_edges), float32_safe=False)
@fusion_metric(
    'Qabf', 'hong', higher_is_better=True, value_range=(0, 0.9876),
    default=True,
    reference='Xydeas & Petrovic 2000; constants of Hong, FILM, Tang, VIFB')
def edge_preservation(fused: Image,
                      sources: Sequence[Image],
                      edges=_edges):
    """Edges of the sources that F has, in strength and orientation.

    Sum of Q_S g_S over pixels and sources over the sum of g_S, the
    strength of the gradient; 0 where no source has any. As in all code, a
    pixel whose strengths are equal takes the strength itself for their
    ratio, and orientations are not wrapped.
    """
    ops, xp = fused.ops, fused.ops.xp
    kept = total = 0.
    strength, angle = edges(fused)
    for source in sources:
        its_strength, its_angle = edges(source)
        for rows in ops.row_blocks(strength):
            ours, theirs = strength[..., rows, :], its_strength[..., rows, :]
            turn = abs(its_angle[..., rows, :] - angle[..., rows, :])
            quality = sigmoid(
                xp, strength_ratio(xp, ours, theirs, ours),
                *_HONG[0]) * sigmoid(xp, 1 - turn / _HALF_TURN, *_HONG[1])
            kept = kept + ops.dot(quality, theirs)
        total = total + ops.sum(its_strength)
    return ratio(xp, kept, total, 0.)


@feature
def _guarded_edges(image: Image) -> Tuple[Any, Any]:
    """Strength and orientation with a trace added to zero gradients."""
    xp = image.ops.xp
    along, down = sobel(image, 'zero')
    strength = sobel_magnitude(image, 'zero')
    strength = xp.where(strength == 0, _LIU_EPSILON, strength)
    along = xp.where(along == 0, _LIU_EPSILON, along)
    return strength, xp.arctan(down / along)


@fusion_metric(
    'QG', 'liu', higher_is_better=True, value_range=(0, 1), default=True,
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
        quality = sigmoid(xp, strength_ratio(xp, ours, theirs, 1.),
                          *_LIU[0]) * sigmoid(xp, turn, *_LIU[1])
        kept, total = kept + quality * theirs, total + theirs
    return ops.mean(kept / total)
