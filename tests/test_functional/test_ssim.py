"""SSIM and MS-SSIM against their definitions, window by window."""
import numpy as np
import pytest

from mmfusion.evaluation import SourceContext, compute
from mmfusion.functional import ops_numpy
from mmfusion.functional.ops_numpy import NUMPY

VARIANTS = ('gauss11', 'film', 'cddfuse', 'tang_py', 'warren', 'tang2023')
WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)


def random_images(height, width, count=3, seed=0):
    rng = np.random.default_rng(seed)
    base = rng.uniform(0, 255, (height, width))
    return [
        np.rint(0.5 * base + 0.5 * rng.uniform(0, 255, base.shape)).astype(
            np.uint8) for _ in range(count)
    ]


def gaussian11():
    grid = np.arange(-5, 6)
    weights = np.exp(-(grid[:, None]**2 + grid**2) / (2 * 1.5**2))
    return weights / weights.sum()


def terms(x, y, weights, largest, sample=False):
    """Luminance and contrast-structure, every full window on its own."""
    x, y = (np.asarray(image, float) for image in (x, y))
    n = len(weights)
    scale = n * n / (n * n - 1) if sample else 1
    c1, c2 = (0.01 * largest)**2, (0.03 * largest)**2
    shape = [side - n + 1 for side in x.shape]
    parts = np.empty((2, *shape))
    for i, j in np.ndindex(*shape):
        a, b = x[i:i + n, j:j + n], y[i:i + n, j:j + n]
        ma, mb = (weights * a).sum(), (weights * b).sum()
        va = scale * (weights * (a - ma)**2).sum()
        vb = scale * (weights * (b - mb)**2).sum()
        cov = scale * (weights * (a - ma) * (b - mb)).sum()
        parts[:, i, j] = ((2 * ma * mb + c1) / (ma**2 + mb**2 + c1),
                          (2 * cov + c2) / (va + vb + c2))
    return parts


def direct(x, y, variant):
    """SSIM of two images by the words of the specification."""
    uniform = np.full((7, 7), 1 / 49)
    if variant == 'gauss11':
        parts = terms(x, y, gaussian11(), 255)
    elif variant in ('film', 'cddfuse'):
        parts = terms(x, y, uniform, 255 if variant == 'film' else 2, True)
    elif variant in ('tang_py', 'warren'):
        parts = terms(255. * x, 255. * y, gaussian11(), 255)
    else:
        parts = terms(*(np.pad(image, 5, 'edge') for image in (x, y)),
                      gaussian11(), 1)
    return (parts[0] * parts[1]).mean()


@pytest.mark.parametrize('variant', VARIANTS)
def test_definition(variant):
    fused, *sources = random_images(17, 14)
    values = [direct(fused, source, variant) for source in sources]
    average = variant in ('warren', 'tang2023')
    found, = compute(fused, sources, f'SSIM:{variant}').values()
    assert found == pytest.approx(
        np.mean(values) if average else np.sum(values), rel=1e-9)


def test_film_golden_values(synthetic_triplet):
    """Values of FILM's evaluator on images made by a formula."""
    fused, *sources = synthetic_triplet
    expected = {(96, 120): 1.065688, (61, 75): 1.065974}[fused.shape]
    assert compute(fused, sources, 'SSIM', preset='film')['SSIM'] == \
        pytest.approx(expected, abs=6e-7)


@pytest.mark.parametrize('variant', VARIANTS)
def test_identical_and_constant_images(variant):
    fused = random_images(20, 20, 1)[0]
    best = 1 if variant in ('warren', 'tang2023') else 2
    key = f'SSIM:{variant}'
    assert compute(fused, (fused, fused),
                   key)[key] == pytest.approx(best, rel=1e-9)
    # two flat images are as like as their levels
    dark, light = np.full((20, 20), 30, np.uint8), np.full((20, 20), 90,
                                                           np.uint8)
    largest = dict(gauss11=255, film=255, cddfuse=2).get(variant, 1)
    c1 = (0.01 * largest)**2
    expected = (2 * 30 * 90 + c1) / (30**2 + 90**2 + c1)
    assert compute(dark, (light, light),
                   key)[key] == pytest.approx(best * expected, rel=1e-6)


def test_symmetric_in_the_sources_and_additive():
    fused, first, second, third = random_images(24, 30, 4)
    value = compute(fused, (first, second), 'SSIM')['SSIM']
    assert value == pytest.approx(
        compute(fused, (second, first), 'SSIM')['SSIM'], rel=1e-12)
    three = compute(fused, (first, second, third), 'SSIM')['SSIM']
    assert three - value == pytest.approx(
        compute(fused, (third, ), 'SSIM')['SSIM'])


def test_falls_with_noise():
    first, second = random_images(64, 64, 2)
    noise = np.random.default_rng(1).normal(size=first.shape)
    values = [
        compute(
            np.clip(first + amount * noise, 0, 255).astype(np.uint8),
            (first, second), 'SSIM')['SSIM'] for amount in (0, 10, 30, 90)
    ]
    assert sorted(values, reverse=True) == values


def mirrored(image):
    """Wang's rule: a filter of 2x2 ones, mirrored borders, every second."""
    height, width = image.shape
    image = np.pad(image, (0, 1), 'symmetric')
    sums = sum(image[i:i + height, j:j + width] for i in (0, 1)
               for j in (0, 1))
    return sums[::2, ::2] / 4


def zero_padded(image):
    """Means of 2x2 pixels; odd sides get a line of zeros at both ends."""
    image = np.pad(image, [(side % 2, side % 2) for side in image.shape])
    height, width = (side // 2 for side in image.shape)
    return image[:2 * height, :2 * width].reshape(height, 2, width, 2).mean(
        (1, 3))


@pytest.mark.parametrize('variant, scale, halved',
                         [('wang', 1, mirrored),
                          ('zero_padded', 1, zero_padded),
                          ('tang_py', 255, zero_padded)])
def test_ms_ssim_definition(variant, scale, halved):
    images = [
        np.kron(image, np.ones((15, 13)))[:161, :175]
        for image in random_images(11, 14, seed=4)
    ]
    images = [
        (0.7 * image + 0.3 * extra).astype(np.uint8)
        for image, extra in zip(images, random_images(161, 175), strict=True)
    ]
    expected = 0.
    for source in images[1:]:
        x, y = (scale * image.astype(float) for image in (images[0], source))
        product = 1.
        for level, weight in enumerate(WEIGHTS):
            # the loop over windows is slow: means of a filter instead
            luminance, structure = filtered_terms(x, y)
            term = structure if level < 4 else luminance * structure
            product *= max(term.mean(), 0)**weight
            x, y = halved(x), halved(y)
        expected += product
    key = f'MS_SSIM:{variant}'
    assert compute(images[0], images[1:],
                   key)[key] == pytest.approx(expected, rel=1e-9)


def filtered_terms(x, y):
    """As terms of gaussian11 and range 255."""
    view = np.lib.stride_tricks.sliding_window_view

    def mean(image):
        return np.einsum('ijkl,kl->ij', view(image, (11, 11)), gaussian11())

    c1, c2 = 2.55**2, 7.65**2
    mx, my = mean(x), mean(y)
    vx, vy = mean(x * x) - mx**2, mean(y * y) - my**2
    return ((2 * mx * my + c1) / (mx**2 + my**2 + c1),
            (2 * (mean(x * y) - mx * my) + c2) / (vx + vy + c2))


def test_ms_ssim_limits():
    fused = random_images(165, 162, 1)[0]
    assert compute(fused, (fused, fused), 'MS_SSIM')['MS_SSIM'] == \
        pytest.approx(2)
    value = compute(fused, (255 - fused, ) * 2, 'MS_SSIM')['MS_SSIM']
    assert value == pytest.approx(0, abs=1e-9)
    mean = compute(fused, (fused, fused), 'MS_SSIM:warren')
    assert mean['MS_SSIM:warren'] == pytest.approx(1)


@pytest.mark.parametrize('key, smallest', [('SSIM', 11), ('SSIM:film', 7),
                                           ('MS_SSIM', 161)])
def test_smaller_than_the_window(key, smallest):
    images = random_images(smallest, smallest + 3)
    assert np.isfinite(list(compute(images[0], images[1:], key).values()))
    images = [image[1:] for image in images]
    with pytest.raises(ValueError, match=rf'{key} \({smallest}\)'):
        compute(images[0], images[1:], key)


def test_windows_are_measured_once(monkeypatch):
    """MS-SSIM and Piella's indices share them; SSIM goes band by band."""
    shape = (163, 170)
    fused, *sources = random_images(*shape)
    seen = []
    separable = type(NUMPY).separable

    def counting(self, x, column, row, border):
        if x.shape == shape and len(row) == 11:
            seen.append(border)
        return separable(self, x, column, row, border)

    monkeypatch.setattr(type(NUMPY), 'separable', counting)
    context = SourceContext(sources)
    compute(fused, context, 'MS_SSIM,MS_SSIM:warren,QS,QW')
    assert len(seen) == 8  # mean and square of three, two products
    compute(fused, context, 'MS_SSIM')
    assert len(seen) == 12  # those of the sources are known


@pytest.mark.parametrize('key', ['SSIM', 'SSIM:film', 'SSIM:tang2023'])
def test_bands_do_not_show(monkeypatch, key):
    fused, *sources = random_images(60, 50)
    expected = compute(fused, sources, key)
    monkeypatch.setattr(ops_numpy, '_BLOCK_ITEMS', 50)
    assert compute(fused, sources, key) == pytest.approx(expected, rel=1e-12)


LABMAN = {
    'SSIM': 1.1031,
    'SSIM:film': 1.0597,
    'SSIM:cddfuse': 0.6361,
    'SSIM:tang2023': 0.3204,
    'MS_SSIM:zero_padded': 1.0263,
}


def test_labman(triplets):
    """The numbers that one image has been given in the field."""
    fused, *sources = triplets()['labMan', 'CBF']
    found = compute(fused, sources, list(LABMAN))
    assert found == pytest.approx(LABMAN, abs=6e-5)


@pytest.mark.parametrize('evaluator, variant', [('IVIF_ZOO', 'tang_py'),
                                                ('warren', 'warren')])
def test_copies_of_metric_python(triplets, read_table, evaluator, variant):
    """Their float32 is off by up to 3.5 % and 0.5 % of the formula."""
    tolerance = dict(SSIM=4e-2, MS_SSIM=6e-3)
    rows = [
        row for row in read_table('python_evaluators.csv')
        if row['evaluator'] == evaluator and row['metric'] in tolerance
    ]
    assert len(rows) == 36
    for row in rows:
        fused, *sources = triplets()[row['pair'], row['method']]
        key = f'{row["metric"]}:{variant}'
        assert compute(fused, sources,
                       key)[key] == pytest.approx(float(row['value']),
                                                  rel=tolerance[row['metric']])
