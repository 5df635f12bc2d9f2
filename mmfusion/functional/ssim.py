"""SSIM and MS-SSIM of the fused image with its sources."""
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

from .bands import bands, cut
from .image import Image, pair_feature
from .metric import fusion_metric
from .pyramids import halved
from .windows import (exact, local_covariance, local_mean_product,
                      local_variance, squared_local_mean)

_MS_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
_GAUSSIAN = dict(higher_is_better=True, value_range=(-2, 2), min_size=11)


@dataclass(frozen=True)
class SSIMForm:
    """What tells one SSIM from another.

    Attributes:
        size (int): Side of the window, pixels, odd.
        sigma (float, optional): Standard deviation of a Gaussian window,
            pixels; None for equal weights.
        border (str): ``'valid'`` for full windows alone, or a rule of
            ``ops_numpy.BORDERS``.
        data_range (float): L, the largest possible value of an image.
        sample (bool): Whether variances of an equally weighted window are
            divided by n - 1 instead of n.
    """
    size: int = 11
    sigma: float | None = 1.5
    border: str = 'valid'
    data_range: float = 255.
    sample: bool = False

    @property
    def window(self) -> tuple:
        """Arguments of the moments in ``windows``."""
        return self.size, self.sigma, self.border

    @property
    def luminance_constant(self) -> float:
        """C1 = (0.01 L)^2."""
        return (0.01 * self.data_range)**2

    @property
    def contrast_constant(self) -> float:
        """C2 = (0.03 L)^2, in units of population moments."""
        constant = (0.03 * self.data_range)**2
        if self.sample:
            constant *= 1 - 1 / self.size**2
        return constant


GAUSS11 = SSIMForm()
#: scikit-image's default: windows that reach over the border are left out
UNIFORM7 = SSIMForm(size=7, sigma=None, sample=True)
#: its default range for floats was 2 up to version 0.19
UNIFORM7_RANGE2 = SSIMForm(size=7, sigma=None, sample=True, data_range=2.)
#: constants for 0..1 on values 0..255. To multiply levels by 255 once more
#: and to keep the constants of 255 is the same.
GAUSS11_RANGE1 = SSIMForm(data_range=1.)
GAUSS11_SAME_RANGE1 = SSIMForm(border='replicate', data_range=1.)


@pair_feature
def luminance(image: Image, other: Image, form: SSIMForm):
    """(2 m_x m_y + C1) / (m_x^2 + m_y^2 + C1) under every window."""
    return _likeness(image.ops, local_mean_product(image, other, *form.window),
                     squared_local_mean(image, *form.window),
                     squared_local_mean(other, *form.window),
                     form.luminance_constant)


@pair_feature
def contrast_structure(image: Image, other: Image, form: SSIMForm):
    """(2 s_xy + C2) / (s_x^2 + s_y^2 + C2) under every window."""
    return _likeness(image.ops, local_covariance(image, other, *form.window),
                     local_variance(image, *form.window),
                     local_variance(other, *form.window),
                     form.contrast_constant)


def _likeness(ops, product, one, two, constant: float):
    """(2 product + constant) / (one + two + constant)."""
    total = one + two
    total += constant
    return ops.linear(product, 2., constant) / total


@pair_feature
def ssim_map(image: Image, other: Image, form: SSIMForm = GAUSS11):
    """SSIM under every window, (..., H, W) or smaller for ``'valid'``.

    Differentiable for torch images. Wang, Bovik, Sheikh & Simoncelli 2004.

    Args:
        image (Image): Image; keeps the result.
        other (Image): Image of the same size.
        form (SSIMForm): Window and constants.
    """
    return luminance(image, other, form) * contrast_structure(
        image, other, form)


def mean_ssim(image: Image, other: Image, form: SSIMForm = GAUSS11):
    """Mean of :func:`ssim_map`; a number per image, -1 to 1."""
    return image.ops.mean(ssim_map(image, other, form))


def _sum_of_means(fused: Image, sources: Sequence[Image], form: SSIMForm):
    """Sum over the sources of :func:`mean_ssim`, band by band."""
    overlap = form.size - 1
    border = None if form.border == 'valid' else form.border
    form = replace(form, border='valid')
    total = count = 0
    theirs = [bands(source, overlap, border) for source in sources]
    for band, *others in zip(cut(fused, overlap, border), *theirs,
                             strict=True):
        maps = [ssim_map(band, other, form) for other in others]
        total = total + sum(fused.ops.sum(part) for part in maps)
        count += maps[0].shape[-2] * maps[0].shape[-1]
    return total / count


def _sum_of_products(fused: Image, sources: Sequence[Image], form: SSIMForm,
                     odd: str):
    """Sum over the sources of their MS-SSIM."""
    return sum(_multi_scale(fused, source, form, odd) for source in sources)


def _over_sources(function, fused, sources, form, average: bool):
    if form.data_range < 255:  # float32's rounding exceeds the constants
        fused, *sources = (exact(image) for image in (fused, *sources))
    total = function(fused, sources, form)
    return total / len(sources) if average else total


@fusion_metric(
    'SSIM', 'tang2023', higher_is_better=True, value_range=(-1, 1),
    correct=False, options=dict(form=GAUSS11_SAME_RANGE1, average=True),
    reference='Tang, MATLAB since 2023-03: range 1 on values 0..255, same '
    'size, mean')
@fusion_metric('SSIM', 'warren', higher_is_better=True, value_range=(-1, 1),
               min_size=11, correct=False,
               options=dict(form=GAUSS11_RANGE1, average=True),
               reference='FusionImageEvalution: mean of the two of tang_py')
@fusion_metric(
    'SSIM', 'tang_py', correct=False, reference='Metric_Python, IVIF_ZOO: '
    'levels multiplied by 255 once more, range 255',
    options=dict(form=GAUSS11_RANGE1), **_GAUSSIAN)
@fusion_metric(
    'SSIM', 'cddfuse', higher_is_better=True, value_range=(-2, 2), min_size=7,
    correct=False,
    reference='CDDFuse, MMDRFuse: as film with range 2 on values 0..255',
    options=dict(form=UNIFORM7_RANGE2))
@fusion_metric(
    'SSIM', 'film', higher_is_better=True, value_range=(-2, 2), min_size=7,
    reference='FILM, scikit-image: uniform 7x7 window, sample moments, sum',
    options=dict(form=UNIFORM7))
@fusion_metric(
    'SSIM', 'gauss11', default=True,
    reference='Wang et al. 2004; Gaussian window 11, sigma 1.5, sum',
    options=dict(form=GAUSS11), **_GAUSSIAN)
def structural_similarity(fused: Image, sources: Sequence[Image],
                          form: SSIMForm, average: bool = False):
    """Sum, or average, over the sources of the mean SSIM with F.

    Each source adds -1 to 1; 1 if F equals it. The constants define flat
    windows: two flat windows are as like as their levels are.
    """
    return _over_sources(_sum_of_means, fused, sources, form, average)


@fusion_metric('MS_SSIM', 'warren', higher_is_better=True, value_range=(0, 1),
               min_size=161, correct=False,
               options=dict(form=GAUSS11_RANGE1, odd='zero', average=True),
               reference='FusionImageEvalution: mean of the two of tang_py')
@fusion_metric(
    'MS_SSIM', 'tang_py', higher_is_better=True, value_range=(0, 2),
    min_size=161, correct=False, reference='Metric_Python, IVIF_ZOO: levels '
    'multiplied by 255 once more, range 255',
    options=dict(form=GAUSS11_RANGE1, odd='zero'))
@fusion_metric(
    'MS_SSIM', 'zero_padded', higher_is_better=True, value_range=(0, 2),
    min_size=161, correct=False, options=dict(form=GAUSS11, odd='zero'),
    reference='as wang, with a black line before odd levels, as padded '
    'average pooling has it')
@fusion_metric(
    'MS_SSIM', 'wang', higher_is_better=True, value_range=(0, 2), min_size=161,
    default=True, reference='Wang, Simoncelli & Bovik 2003; five levels, odd '
    'ones mirrored at their end, sum', options=dict(form=GAUSS11))
def multi_scale_similarity(fused: Image, sources: Sequence[Image],
                           form: SSIMForm, odd: str = 'repeat',
                           average: bool = False):
    """Sum, or average, over the sources of their MS-SSIM with F.

    The product of the mean contrast-structure terms of four levels and of
    the mean SSIM of the fifth, each to its weight. Negative means count as
    0. Each source adds 0 to 1. ``odd`` is that of
    :func:`~mmfusion.functional.pyramids.halved`.
    """
    return _over_sources(partial(_sum_of_products, odd=odd), fused, sources,
                         form, average)


def _multi_scale(fused: Image, source: Image, form: SSIMForm, odd: str):
    result = 1.
    for level, weight in enumerate(_MS_WEIGHTS):
        if level:
            fused, source = (halved(x, odd) for x in (fused, source))
        last = level == len(_MS_WEIGHTS) - 1
        term = (ssim_map if last else contrast_structure)(fused, source, form)
        result = result * fused.ops.mean(term).clip(0)**weight
    return result
