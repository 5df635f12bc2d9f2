"""Petrovic's gain, loss and artefacts of gradients.

Papers: V. Petrovic, C. Xydeas, 'Objective image fusion performance
characterisation', ICCV 2005; B. K. Shreyamsha Kumar, 2013 for the modified
artefacts, with which Q + L + N = 1.
"""
import math
from collections.abc import Sequence
from typing import Any, NamedTuple

from .gradient_transfer import sigmoid
from .gradients import sobel
from .image import Image, feature
from .metric import fusion_metric

_STRENGTH, _ANGLE = (0.9999, 19., 0.5), (0.9995, 22., 0.5)
_THRESHOLD, _WEAK = 2., 0.001
_POWER = 1.5


class Edges(NamedTuple):
    """Gradient of an image.

    Attributes:
        strength (np.ndarray | Tensor): Of Sobel kernels over 8.
        angle (np.ndarray | Tensor): -pi/2 to pi/2.
    """
    strength: Any
    angle: Any


@feature
def _in_unit_range(image: Image) -> Image:
    """The image in 0..1."""
    return image.derive(image.values / 255)


@feature
def _edges(image: Image) -> Edges:
    """Gradient with a mirrored border."""
    xp = image.ops.xp
    along, down = sobel(image, 'reflect')
    # Rounded step by step: "stronger" may hang on the last digit.
    strength = xp.sqrt(along * along + down * down) / 8
    # The quotient of zeros counts as a vertical gradient.
    angle = xp.where(along == 0, math.pi / 2,
                     xp.arctan(down / xp.where(along == 0, 1., along)))
    return Edges(strength, angle)


@feature
def _weight(image: Image, weak: float):
    """Importance of the places of a source."""
    strength = _edges(image).strength
    return image.ops.xp.where(strength >= _THRESHOLD, strength**_POWER, weak)


def _quality(fused: Image, source: Image):
    """Share of a source's gradient that F keeps, (..., H, W)."""
    xp = fused.ops.xp
    ours, theirs = _edges(fused), _edges(source)
    larger = xp.maximum(ours.strength, theirs.strength)
    ratio = xp.minimum(ours.strength, theirs.strength) / xp.where(
        larger == 0, 1., larger)
    turn = abs(ours.angle - theirs.angle)
    alignment = abs(turn - math.pi / 2) / (math.pi / 2)
    return xp.sqrt(
        sigmoid(xp, ratio, *_STRENGTH) * sigmoid(xp, alignment, *_ANGLE))


class _Parts(NamedTuple):
    """What gain, loss and artefacts are made of."""
    qualities: list[Any]
    weights: list[Any]
    stronger: Any  # where F has more gradient than every source


def _parts(fused: Image, sources: Sequence[Image],
           weak: float = _WEAK) -> _Parts:
    ours = _edges(fused).strength
    stronger = True
    for source in sources:
        stronger = stronger & (ours > _edges(source).strength)
    return _Parts([_quality(fused, source) for source in sources],
                  [_weight(source, weak) for source in sources], stronger)


def _share(ops, values: Sequence[Any], weights: Sequence[Any]):
    """sum(values * weights) / sum(weights), over pixels and sources.

    0 where all weights are 0, which is so without strong edges for those
    variants that drop weak ones.
    """
    total = sum(ops.sum(weight) for weight in weights)
    kept = sum(ops.dot(v, w) for v, w in zip(values, weights, strict=True))
    return ops.xp.where(total == 0, 0.,
                        kept / ops.xp.where(total == 0, 1., total))


@fusion_metric('Qabf_petrovic', 'petrovic', higher_is_better=True,
               value_range=(0, 1), default=True,
               reference='Petrovic & Xydeas 2005; gain', min_size=2)
def gradient_gain(fused: Image, sources: Sequence[Image]):
    """Share of the sources' gradients that F keeps."""
    parts = _parts(fused, sources)
    return _share(fused.ops, parts.qualities, parts.weights)


@fusion_metric('Labf', 'modified', higher_is_better=False, value_range=(0, 1),
               default=True, reference='Petrovic & Xydeas 2005; loss',
               min_size=2)
def gradient_loss(fused: Image, sources: Sequence[Image]):
    """Share of gradients lost where F is not stronger than every source."""
    parts = _parts(fused, sources)
    lost = [(1 - quality) * ~parts.stronger for quality in parts.qualities]
    return _share(fused.ops, lost, parts.weights)


@fusion_metric('Nabf', 'petrovic', higher_is_better=False, value_range=(0, 4),
               reference='Petrovic & Xydeas 2005; artefacts as first defined',
               options=dict(modified=False), min_size=2)
@fusion_metric('Nabf', 'tang2023', higher_is_better=False, value_range=(0, 1),
               reference='Tang, MATLAB since 2023-03: the first source as F',
               correct=False, options=dict(swapped=True), max_sources=2,
               min_size=2)
@fusion_metric('Nabf', 'unit', higher_is_better=False, value_range=(0, 1),
               reference='Tang, MATLAB before 2023-03: values in 0..1',
               correct=False, options=dict(unit=True), min_size=2,
               float32_safe=False)
@fusion_metric('Nabf', 'tang_py', higher_is_better=False, value_range=(0, 1),
               reference='Metric_Python: weak gradients without any weight',
               correct=False, options=dict(weak=0.), min_size=2)
@fusion_metric('Nabf', 'modified', higher_is_better=False, value_range=(0, 1),
               default=True, reference='Shreyamsha Kumar 2013; artefacts',
               min_size=2)
def gradient_artefacts(fused: Image, sources: Sequence[Image],
                       modified: bool = True, swapped: bool = False,
                       unit: bool = False, weak: float = _WEAK):
    """Share of gradients that F has and no source has."""
    if swapped:
        fused, sources = sources[0], (sources[1], fused)
    if unit:
        fused, *sources = map(_in_unit_range, (fused, *sources))
    parts = _parts(fused, sources, weak)
    ops = fused.ops
    if modified:
        added = [(1 - quality) * parts.stronger for quality in parts.qualities]
        return _share(ops, added, parts.weights)
    missing = sum(1 - quality for quality in parts.qualities)
    return _share(ops, [missing * parts.stronger] * len(sources),
                  parts.weights)
