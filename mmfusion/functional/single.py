"""Metrics of the fused image alone."""
from collections.abc import Sequence

from .gradients import compact, sobel_magnitude
from .image import Image, feature
from .levels import histogram
from .metric import fusion_metric
from .pixel_statistics import centred, variance

_ALONE = dict(higher_is_better=True, uses_sources=False)


@feature
def level_entropy(image: Image):
    """Entropy of the 256 levels, bits."""
    return image.ops.entropy(histogram(image), 1)


@fusion_metric('EN', 'tang_py', needs_integers=True, value_range=(0, 8),
               reference='Tang, Python: 1e-7 inside the logarithm',
               correct=False, options=dict(offset=1e-7), **_ALONE)
@fusion_metric(
    'EN', 'bits', needs_integers=True, value_range=(0, 8), default=True,
    reference='Roberts et al. 2008; Shannon entropy of 256 levels, bits',
    **_ALONE)
def entropy(fused: Image, sources: Sequence[Image], offset: float = 0.):
    """Information in the grey levels: -sum p log2 p. A flat image has 0."""
    if not offset:
        return level_entropy(fused)
    counts = histogram(fused)
    share = counts / counts.sum(-1, keepdims=True)
    return -(share * fused.ops.xp.log2(share + offset)).sum(-1)


@fusion_metric(
    'SD', 'uint8', value_range=(0, 15.97), needs_integers=True,
    reference='Tang, MATLAB before 2023-03: saturating uint8 arithmetic',
    correct=False, options=dict(saturate=True), **_ALONE)
@fusion_metric('SD', 'float', value_range=(0, 127.5), default=True,
               reference='Rao 1997; population standard deviation', **_ALONE)
def standard_deviation(fused: Image, sources: Sequence[Image],
                       saturate: bool = False):
    """Contrast: root of the mean squared distance to the mean."""
    ops = fused.ops
    if not saturate:
        return ops.xp.sqrt(variance(fused))
    distance = ops.xp.floor(centred(fused).clip(0, 255) + 0.5)
    return ops.xp.sqrt(ops.mean((distance * distance).clip(0, 255)))


@fusion_metric('SF', 'unit', value_range=(0, 1.42), correct=False,
               reference='Tang: values in 0..1', options=dict(scale=1 / 255),
               min_size=2, **_ALONE)
@fusion_metric(
    'SF', 'vifb', value_range=(0, 361), joint_channels=True,
    reference='VIFB: both sums divided by the area; channels side by side',
    options=dict(by_area=True), correct=False, min_size=2, **_ALONE)
@fusion_metric(
    'SF', 'mean', value_range=(0, 361), default=True, min_size=2,
    reference='Eskicioglu & Fisher 1995; mean of the existing differences',
    **_ALONE)
def spatial_frequency(fused: Image, sources: Sequence[Image],
                      by_area: bool = False, scale: float = 1.):
    """Activity: root of the mean squared first differences, both ways."""
    ops, x = fused.ops, compact(fused).values
    down = ops.squared_distance(x[..., 1:, :], x[..., :-1, :])
    along = ops.squared_distance(x[..., :, 1:], x[..., :, :-1])
    height, width = fused.size
    areas = ((height * width, ) * 2 if by_area else
             ((height - 1) * width, height * (width - 1)))
    return scale * (down / areas[0] + along / areas[1])**0.5


@fusion_metric('AG', 'vifb', value_range=(0, 361), min_size=2, correct=False,
               reference='VIFB, Tang: divided by (M-1)(N-1)',
               options=dict(inner=True), **_ALONE)
@fusion_metric('AG', 'mean', value_range=(0, 361), default=True, min_size=2,
               reference='Cui et al. 2015; mean of sqrt((gx^2 + gy^2) / 2)',
               **_ALONE)
def average_gradient(fused: Image, sources: Sequence[Image],
                     inner: bool = False):
    """Sharpness: mean length of the gradient over sqrt(2)."""
    ops = fused.ops
    along, down = ops.central(compact(fused).values)
    length = ops.sum(ops.magnitude(along, down)) / 2**0.5
    height, width = fused.size
    area = (height - 1) * (width - 1) if inner else height * width
    return length / area


@fusion_metric('EI', 'zero', value_range=(0, 1443), correct=False,
               reference='IVIF_ZOO: border padded with zeros',
               options=dict(border='zero'), **_ALONE)
@fusion_metric('EI', 'replicate', value_range=(0, 1443), default=True,
               reference='Rajalingam & Priya 2018; mean Sobel magnitude',
               **_ALONE)
def edge_intensity(fused: Image, sources: Sequence[Image],
                   border: str = 'replicate'):
    """Edges: mean length of the unscaled Sobel gradient."""
    return fused.ops.mean(sobel_magnitude(fused, border))
