"""GMSD: how unevenly the gradient magnitudes of two images agree."""
from collections.abc import Sequence

from .image import Image, feature, pair_feature
from .metric import fusion_metric

#: c of Xue et al. for levels 0 to 255
_CONSTANT = 170.
_THIRD = (1 / 3, 1 / 3, 1 / 3)
_DIFFERENCE = (1., 0., -1.)
#: the square root has no slope at 0
_TINY = 1e-12


@feature
def prewitt_magnitude(image: Image):
    """Prewitt gradient of the image at half its size, full windows alone.

    Args:
        image (Image): (..., H, W) of levels 0 to 255.

    Returns:
        (..., H // 2 - 2, W // 2 - 2).
    """
    ops = image.ops
    x = ops.separable(image.values, (0.5, 0.5), (0.5, 0.5), 'valid', step=2)
    along = ops.separable(x, _THIRD, _DIFFERENCE, 'valid')
    down = ops.separable(x, _DIFFERENCE, _THIRD, 'valid')
    return ops.xp.sqrt(along * along + down * down + _TINY)


@pair_feature
def gradient_deviation(image: Image, other: Image):
    """GMSD of two images; a number per image, 0 to about 0.5.

    The standard deviation (sample) of ``(2 m_1 m_2 + c) / (m_1^2 + m_2^2 +
    c)``, ``m`` the gradient magnitudes. Differentiable for torch images, of
    images without difference too (they give 1e-8).

    Xue, Zhang, Mou & Bovik, IEEE TIP 23, 2014, without the padding of their
    filters, as MMDRFuse computes it.
    """
    ops = image.ops
    one, two = prewitt_magnitude(image), prewitt_magnitude(other)
    squares = one * one + two * two
    similarity = (2 * one * two + _CONSTANT) / (squares + _CONSTANT)
    centred = similarity - ops.mean(similarity, keepdims=True)
    count = centred.shape[-2] * centred.shape[-1]
    return ops.xp.sqrt(
        ops.at_least(ops.dot(centred, centred) / (count - 1), 1e-16))


@fusion_metric(
    'GMSD', 'mmdrfuse', default=True, higher_is_better=False,
    value_range=(0, 2), min_size=8,
    reference='Xue et al. 2014; full windows alone as in MMDRFuse, sum')
def gradient_magnitude_deviation(fused: Image, sources: Sequence[Image]):
    """Sum over the sources of their GMSD with F; 0 if F equals them."""
    return sum(gradient_deviation(fused, source) for source in sources)
