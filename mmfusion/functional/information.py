"""Metrics of information that the fused image shares with its sources."""
import math
from collections.abc import Callable, Sequence

from .guards import ratio
from .image import Image, pair_feature
from .levels import histogram, joint_histogram, stretched
from .metric import fusion_metric
from .single import level_entropy

_LEVELS = dict(needs_integers=True)
_CVEJIC_Q, _NAVA_Q = 1.85, 0.43137


@pair_feature
def mutual_bits(fused: Image, source: Image):
    """Mutual information of the levels of two images, bits."""
    joint = fused.ops.entropy(joint_histogram(fused, source), 2)
    return level_entropy(fused) + level_entropy(source) - joint


@pair_feature
def _mutual_bits_shared_top(fused: Image, source: Image):
    """The same with 254 and 255 in one bin of the joint histogram alone."""
    xp, counts = fused.ops.xp, joint_histogram(fused, source)
    rows = _merge_top(xp, counts, -2)
    joint = fused.ops.entropy(_merge_top(xp, rows, -1), 2)
    return level_entropy(fused) + level_entropy(source) - joint


def _merge_top(xp, counts, axis: int):
    """Add the last bin of an axis to the one before it."""
    counts = xp.swapaxes(counts, axis, -1)
    merged = xp.concatenate(
        (counts[..., :254], counts[..., 254:255] + counts[..., 255:]), -1)
    return xp.swapaxes(merged, axis, -1)


@fusion_metric('MI', 'tang', higher_is_better=True, value_range=(0, 16.1),
               reference='Tang, MATLAB: 254 and 255 share a joint bin',
               correct=False, options=dict(mutual=_mutual_bits_shared_top),
               **_LEVELS)
@fusion_metric('MI', 'vifb', higher_is_better=True, value_range=(0, 11.2),
               reference='VIFB: nats, every image stretched to 0..255 first',
               options=dict(unit=math.log(2), stretch=True), **_LEVELS)
@fusion_metric('MI', 'nats', higher_is_better=True, value_range=(0, 11.2),
               reference='FILM, CDDFuse: nats', options=dict(unit=math.log(2)),
               **_LEVELS)
@fusion_metric('MI', 'bits', higher_is_better=True, value_range=(0, 16),
               default=True,
               reference='Qu et al. 2002; sum over the sources, bits',
               **_LEVELS)
def mutual_information(fused: Image, sources: Sequence[Image],
                       unit: float = 1., stretch: bool = False,
                       mutual: Callable = mutual_bits):
    """Sum over the sources of their mutual information with F."""
    if stretch:
        fused, sources = _all_stretched(fused, sources)
    return unit * sum(mutual(fused, source) for source in sources)


def _all_stretched(fused: Image, sources: Sequence[Image]):
    return stretched(fused), [stretched(source) for source in sources]


@fusion_metric('NMI', 'sources', higher_is_better=True, value_range=(0, 4),
               reference='IVIF_ZOO: without the entropy of F', correct=False,
               options=dict(with_fused=False), **_LEVELS)
@fusion_metric('NMI', 'hossny', higher_is_better=True, value_range=(0, 2),
               reference='Hossny et al. 2008 (Q_MI); Liu et al. 2012',
               default=True, **_LEVELS)
def normalized_mutual_information(fused: Image, sources: Sequence[Image],
                                  with_fused: bool = True):
    """2 sum MI(S, F) / (H_S + H_F); 0 for a pair of flat images.

    Hossny's factor 2 is for two sources; for K it is 4 / K, which keeps
    the range.
    """
    if with_fused:
        fused, sources = _all_stretched(fused, sources)
        own = level_entropy(fused)
        shares = (ratio(fused.ops.xp, mutual_bits(fused, source),
                        own + level_entropy(source), 0.) for source in sources)
        return 4 / len(sources) * sum(shares)
    mutual = sum(mutual_bits(fused, source) for source in sources)
    total = sum(level_entropy(source) for source in sources)
    return ratio(fused.ops.xp, 2 * mutual, total, 0.)


@fusion_metric('CE', 'kl', higher_is_better=False, value_range=(-0.54, 32),
               default=True, reference='Bulanon et al. 2009; VIFB', **_LEVELS)
def cross_entropy(fused: Image, sources: Sequence[Image]):
    """Mean over the sources of KL(p_S || p_F), log2, common bins alone.

    Since bins of one image alone do not count, it can be a little below 0,
    and is 0 without a common bin.
    """
    return sum(_divergence(fused, source) for source in sources) / len(sources)


@pair_feature
def _divergence(fused: Image, source: Image):
    xp = fused.ops.xp
    ours, theirs = histogram(fused), histogram(source)
    common = (ours > 0) & (theirs > 0)
    quotient = xp.where(common, theirs, 1) / xp.where(common, ours, 1)
    share = theirs / theirs.sum(-1, keepdims=True)
    return (xp.where(common, share, 0.) * xp.log2(quotient)).sum(-1)


@pair_feature
def _tsallis(image: Image, other: Image, order: float, swapped: bool):
    """Tsallis mutual information of the levels of two images."""
    xp = image.ops.xp
    counts = joint_histogram(image, other)
    joint = counts / counts.sum((-2, -1), keepdims=True)
    rows, columns = joint.sum(-1, keepdims=True), joint.sum(-2, keepdims=True)
    if swapped:
        rows, columns = (xp.swapaxes(part, -2, -1) for part in (columns, rows))
    product = rows * columns
    live = (joint > 0) & (product > 0)
    safe = [xp.where(live, part, 1.) for part in (joint, product)]
    terms = xp.where(live, safe[0]**order * safe[1]**(1 - order), 0.)
    return (1 - terms.sum((-2, -1))) / (1 - order)


@fusion_metric('TE', 'liu', higher_is_better=True, value_range=(0, math.inf),
               reference='Liu, MEFB: the two marginals swapped', correct=False,
               options=dict(swapped=True), **_LEVELS)
@fusion_metric('TE', 'cvejic', higher_is_better=True,
               value_range=(0, math.inf), default=True,
               reference='Cvejic et al. 2006; Tsallis, q = 1.85', **_LEVELS)
def tsallis_information(fused: Image, sources: Sequence[Image],
                        swapped: bool = False):
    """Sum over the sources of the Tsallis mutual information with F."""
    fused, sources = _all_stretched(fused, sources)
    return sum(
        _tsallis(fused, source, _CVEJIC_Q, swapped) for source in sources)


@fusion_metric('TE_nava', 'liu', higher_is_better=True,
               value_range=(0, math.inf),
               reference='Liu: the two marginals swapped', correct=False,
               max_sources=2, options=dict(swapped=True), **_LEVELS)
@fusion_metric('TE_nava', 'nava', higher_is_better=True, value_range=(0, 2),
               default=True, max_sources=2,
               reference='Nava et al. 2007; normalized Tsallis, q = 0.43137',
               **_LEVELS)
def normalized_tsallis_information(fused: Image, sources: Sequence[Image],
                                   swapped: bool = False):
    """[I(A,F) + I(B,F)] / [H_A^q + H_B^q + I(A,B)]; 0 for flat sources.

    I is Tsallis's mutual information, H Shannon's entropy in bits.
    """
    fused, sources = _all_stretched(fused, sources)
    shared = sum(
        _tsallis(fused, source, _NAVA_Q, swapped) for source in sources)
    total = sum(level_entropy(source)**_NAVA_Q for source in sources)
    total = total + _tsallis(*sources, _NAVA_Q, swapped)
    return ratio(fused.ops.xp, shared, total, 0.)


@fusion_metric(
    'NCIE', 'wang', higher_is_better=True, value_range=(0, 1), default=True,
    reference='Wang, Shen & Jin 2008; nonlinear correlation information',
    **_LEVELS)
def nonlinear_correlation(fused: Image, sources: Sequence[Image]):
    """1 + sum_i (r_i / K) log2(r_i / K) / 8 of the eigenvalues r_i.

    Of the K x K matrix of MI_bits / 8 between all images, with a diagonal
    of one; images are stretched first.
    """
    fused, sources = _all_stretched(fused, sources)
    images = [fused, *sources]
    count, ops = len(images), fused.ops
    pairs = {
        (i, j): mutual_bits(images[i], images[j]) / 8 for i in range(count)
        for j in range(i + 1, count)
    }
    one = next(iter(pairs.values())) * 0 + 1
    matrix = ops.xp.stack([
        ops.xp.stack([
            one if i == j else pairs[min(i, j), max(i, j)]
            for j in range(count)
        ], -1) for i in range(count)
    ], -2)
    share = ops.xp.linalg.eigvalsh(matrix).clip(0) / count
    safe = ops.xp.where(share > 0, share, 1.)
    return 1 + (share * ops.xp.log2(safe)).sum(-1) / 8
