"""Quality indices of windows: Piella (Q_S, Q_W, Q_E), Yang, Cvejic."""
from collections.abc import Sequence

from .guards import ratio
from .image import Image, feature, pair_feature
from .metric import fusion_metric
from .ssim import GAUSS11, SSIMForm, luminance, ssim_map
from .windows import (exact, guarded_variance, local_covariance, local_mean,
                      squared_local_mean)

_PIELLA = dict(higher_is_better=True, value_range=(-1, 1), min_size=11)
_PAIR = dict(higher_is_better=True, value_range=(-1, 1), min_size=7,
             max_sources=2)
#: constants of 2e-16, which only define black windows
_GAUSS7 = SSIMForm(size=7, sigma=1.5, data_range=2**0.5 * 1e-6)
_REDUNDANT = 0.75
#: weight in Q_W of windows that are black in all sources, as in Liu's code
_BLACK_WEIGHT = 0.5


def _exact(fused: Image, sources: Sequence[Image]):
    return exact(fused), [exact(source) for source in sources]


def _shares(sources: Sequence[Image]) -> list:
    """Share of each source in the sum of variances.

    Where all sources are flat, their share in the sum of squared levels:
    the references divide the rounding noise of variances there, which grows
    with it. Equal where all are black.
    """
    xp, window = sources[0].ops.xp, GAUSS11.window
    variances = [guarded_variance(x, *window) for x in sources]
    squares = [squared_local_mean(x, *window) for x in sources]
    variance, square = sum(variances), sum(squares)
    return [
        ratio(xp, v, variance, ratio(xp, s, square, 1 / len(sources)))
        for v, s in zip(variances, squares, strict=True)
    ]


def _similarity(fused: Image, sources: Sequence[Image]):
    """SSIM with the sources in every window, weighted by their variance."""
    return sum(
        share * ssim_map(fused, source, GAUSS11)
        for share, source in zip(_shares(sources), sources, strict=True))


def _weighted(fused: Image, sources: Sequence[Image]):
    """:func:`_similarity`, averaged with the largest variance as weight."""
    ops, window = fused.ops, GAUSS11.window
    weight = guarded_variance(sources[0], *window)
    brightest = local_mean(sources[0], *window)
    for source in sources[1:]:
        weight = ops.xp.maximum(weight, guarded_variance(source, *window))
        brightest = ops.xp.maximum(brightest, local_mean(source, *window))
    weight = ops.xp.where(brightest == 0, _BLACK_WEIGHT, weight)
    similarity = _similarity(fused, sources)
    return ratio(ops.xp, ops.dot(weight, similarity), ops.sum(weight),
                 ops.mean(similarity))


@feature
def edges(image: Image) -> Image:
    """Prewitt magnitude with zeros around the image."""
    ops, smooth, difference = image.ops, (1., 1., 1.), (-1., 0., 1.)
    return image.derive(
        ops.magnitude(ops.separable(image.values, smooth, difference, 'zero'),
                      ops.separable(image.values, difference, smooth, 'zero')))


@fusion_metric(
    'QS', 'piella', default=True,
    reference='Piella & Heijmans 2003; Liu et al. 2012 (SSIM of gauss11)',
    **_PIELLA)
def piella_similarity(fused: Image, sources: Sequence[Image]):
    """SSIM with the sources, weighted by their variance in each window.

    By their squared level where all of them are flat.
    """
    fused, sources = _exact(fused, sources)
    return fused.ops.mean(_similarity(fused, sources))


@fusion_metric('QW', 'edges',
               reference='MEFB: Q_W of the edges by the name of Q_W',
               options=dict(of_edges=True), correct=False, **_PIELLA)
@fusion_metric(
    'QW', 'piella', default=True,
    reference='Piella & Heijmans 2003; weighted by the largest variance',
    **_PIELLA)
def piella_weighted(fused: Image, sources: Sequence[Image],
                    of_edges: bool = False):
    """Q_S with windows weighted by the largest variance of a source.

    Windows that are black in all sources have the weight 1/2. It is Q_S
    where all sources are constant.
    """
    fused, sources = _exact(fused, sources)
    if of_edges:
        fused, sources = edges(fused), [edges(x) for x in sources]
    return _weighted(fused, sources)


@fusion_metric(
    'QE', 'piella', default=True,
    reference='Piella & Heijmans 2003; Q_W times Q_W of the edges, alpha 1',
    **_PIELLA)
def piella_edges(fused: Image, sources: Sequence[Image]):
    """Q_W of the images times Q_W of their Prewitt edges."""
    return piella_weighted(fused, sources) * piella_weighted(
        fused, sources, of_edges=True)


@pair_feature
def _guarded_similarity(image: Image, other: Image):
    """SSIM without a constant; flat windows by rule.

    Two flat windows have the same structure (1), a flat and another one
    have nothing in common (0).
    """
    xp = image.ops.xp
    one, two = (guarded_variance(x, *_GAUSS7.window) for x in (image, other))
    flat = (one == 0) | (two == 0)
    both = (one == 0) & (two == 0)
    covariance = local_covariance(image, other, *_GAUSS7.window)
    structure = xp.where(flat, xp.where(both, 1., 0.),
                         2 * covariance / xp.where(flat, 1., one + two))
    return luminance(image, other, _GAUSS7) * structure


@fusion_metric('QY', 'yang', default=True,
               reference='Yang et al. 2008; Liu et al. 2012', **_PAIR)
def yang(fused: Image, sources: Sequence[Image]):
    """SSIM with both sources where they agree, else with the liker one.

    Sources agree where their SSIM is 0.75 or more; there they are weighted
    by their variance. Rule for flat windows, where the reference divides
    rounding noise: the structure of two flat windows is the same (1), a
    flat and another window share none (0); two flat sources count equally.
    """
    fused, (first, second) = _exact(fused, sources)
    xp = fused.ops.xp
    one, two = (_guarded_similarity(fused, x) for x in (first, second))
    window = _GAUSS7.window
    variances = [guarded_variance(x, *window) for x in (first, second)]
    share = ratio(xp, variances[0], sum(variances), 0.5)
    agree = _guarded_similarity(first, second) >= _REDUNDANT
    return fused.ops.mean(
        xp.where(agree, share * one + (1 - share) * two, xp.maximum(one, two)))


@fusion_metric(
    'QC', 'liu', correct=False,
    reference='Liu et al. 2012, MEFB: the index is set to 0 or 1 where the '
    'share is out of 0..1', options=dict(clamp_index=True), **_PAIR)
@fusion_metric('QC', 'cvejic', default=True, reference='Cvejic et al. 2005',
               **_PAIR)
def cvejic(fused: Image, sources: Sequence[Image], clamp_index: bool = False):
    """SSIM with both sources, weighted by their covariance with F.

    The share of the first, s_AF / (s_AF + s_BF), is kept in 0..1 as in the
    paper, and 1/2 where both covariances are 0. Flat windows as in
    :func:`yang`.
    """
    fused, (first, second) = _exact(fused, sources)
    xp = fused.ops.xp
    one, two = (_guarded_covariance(fused, x) for x in (first, second))
    share = ratio(xp, one, one + two, 0.5)
    inside = share.clip(0, 1)
    index = (inside * _guarded_similarity(fused, first) +
             (1 - inside) * _guarded_similarity(fused, second))
    if clamp_index:
        index = xp.where(share == inside, index, inside)
    return fused.ops.mean(index)


def _guarded_covariance(image: Image, other: Image):
    """Local covariance, exactly 0 where an image is flat."""
    flat = sum(
        guarded_variance(x, *_GAUSS7.window) == 0 for x in (image, other))
    return image.ops.xp.where(flat > 0, 0.,
                              local_covariance(image, other, *_GAUSS7.window))
