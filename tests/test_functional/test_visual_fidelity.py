"""VIF and Han's VIFF against direct convolutions, and their properties."""
import cv2
import numpy as np
import pytest
import torch
from scipy.signal import convolve2d

from mmfusion.evaluation import SourceContext, compute
from mmfusion.functional import ops_numpy

KEYS = ('VIF', 'VIF:uint8', 'VIFF_han')
SIDES = (17, 9, 5, 3)


def kernel(side):
    distance = np.arange(side) - side // 2
    weights = np.exp(-distance**2 / (2 * (side / 5)**2))
    weights = np.outer(weights, weights)
    return weights / weights.sum()


def product(one, two, saturated):
    """What uint8 arithmetic gives, or the exact product."""
    if saturated:
        one, two = (x.astype(np.uint8) for x in (one, two))
        return cv2.multiply(one, two).astype(np.float64)
    return one * two


def scales(reference, image, saturated=False):
    """Gain, g^2 var_S, v and var_S at every scale, rule after rule."""
    for scale, side in enumerate(SIDES):
        if scale:
            reference, image = (convolve2d(x, kernel(side),
                                           mode='valid')[::2, ::2]
                                for x in (reference, image))
        clip = saturated and not scale

        def mean(x, side=side):
            return convolve2d(x, kernel(side), mode='valid')

        mean_r, mean_i = mean(reference), mean(image)
        var_r = mean(product(reference, reference, clip)) - mean_r**2
        var_i = mean(product(image, image, clip)) - mean_i**2
        covariance = mean(product(reference, image, clip)) - mean_r * mean_i
        var_r[var_r < 0] = 0
        var_i[var_i < 0] = 0
        gain = covariance / (var_r + 1e-10)
        noise = var_i - gain * covariance
        flat = var_r < 1e-10
        gain[flat], noise[flat], var_r[flat] = 0, var_i[flat], 0
        flat = var_i < 1e-10
        gain[flat], noise[flat] = 0, 0
        negative = gain < 0
        noise[negative], gain[negative] = var_i[negative], 0
        noise[noise <= 1e-10] = 1e-10
        yield gain, gain**2 * var_r, noise, var_r


def plain_vif(fused, sources, saturated=False):
    total = 0
    for source in sources:
        terms = [
            (np.log10(1 + signal / (noise + 2)).sum(),
             np.log10(1 + given / 2).sum())
            for _, signal, noise, given in scales(source, fused, saturated)
        ]
        kept, given = np.sum(terms, axis=0)
        total += kept / given
    return total


def plain_han(fused, sources):
    first, second = (scales(source, fused) for source in sources)
    result, eye = 0, 0.005 * 255**2
    for a, b, weight in zip(first, second, (1, 0, 0.15, 1), strict=True):
        chosen = np.where(a[0] < b[0], a, b)
        kept = np.log10(1 + chosen[1] / (chosen[2] + eye)) + 1e-7
        given = np.log10(1 + chosen[3] / eye) + 1e-7
        result += weight / 2.15 * kept.sum() / given.sum()
    return result


def scene(height, width, seed=0, dark=False):
    """Fused image and two sources, uint8, with edges and flat patches."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width]
    first = 128 + 70 * np.sin(x / 5) + 30 * np.cos(y / 7)
    second = 128 + 60 * np.sign(np.sin(x / 9 + y / 11)) + 40 * np.cos(y / 4)
    images = [0.6 * first + 0.4 * second, first, second]
    images = [x + rng.normal(0, 5, x.shape) for x in images]
    if dark:
        images = [x / 12 for x in images]
    images[1][:20, :25] = 255
    images[0][-22:, -24:] = 12
    images[2][-24:, :30] = 0
    return [np.clip(x, 0, 255).astype(np.uint8) for x in images]


@pytest.mark.parametrize('size', [(41, 41), (62, 75), (97, 44)])
@pytest.mark.parametrize('dark', [False, True])
def test_direct_convolution(size, dark):
    fused, *sources = scene(*size, dark=dark)
    found = compute(fused, sources, KEYS)
    floats = [x.astype(np.float64) for x in (fused, *sources)]
    expected = {
        'VIF': plain_vif(floats[0], floats[1:]),
        'VIF:uint8': plain_vif(floats[0], floats[1:], saturated=True),
        'VIFF_han': plain_han(floats[0], floats[1:])
    }
    # Rounding noise of almost flat windows costs the reference digits.
    assert found == pytest.approx(expected, rel=1e-6)


def test_published_numbers(synthetic_triplet):
    """FILM's evaluator on images made by a formula."""
    fused, *sources = synthetic_triplet
    expected = {96: 0.289015, 61: 0.276275}[fused.shape[0]]
    assert compute(fused, sources,
                   'VIF')['VIF'] == pytest.approx(expected, abs=1e-6)


def test_bands_do_not_show(monkeypatch):
    fused, *sources = scene(150, 90)
    expected = compute(fused, sources, KEYS)
    monkeypatch.setattr(ops_numpy, '_BLOCK_ITEMS', 90)
    assert compute(fused, sources, KEYS) == pytest.approx(expected, rel=1e-9)


def test_known_sources_serve_every_method():
    fused, *sources = scene(64, 70)
    shared = SourceContext(sources)
    for image in (fused, sources[0], np.roll(fused, 3, axis=1)):
        assert compute(image, shared, KEYS) == compute(image, sources, KEYS)


def test_identical_images_keep_everything():
    image = scene(60, 60)[0]
    found = compute(image, (image, image), KEYS)
    assert found['VIF'] == pytest.approx(2, abs=1e-9)
    assert found['VIFF_han'] == pytest.approx(1, abs=1e-9)


def test_flat_images():
    fused, *sources = scene(60, 60)
    flat = np.full_like(fused, 137)
    assert compute(flat, (flat, flat), KEYS) == pytest.approx({
        'VIF': 2,
        'VIF:uint8': 2,
        'VIFF_han': 1
    })
    # nothing of the sources is left
    nothing = compute(flat, sources, KEYS)
    assert nothing == pytest.approx(dict.fromkeys(KEYS, 0), abs=1e-5)
    # a flat source adds 1
    alone = compute(fused, (sources[0], flat), 'VIF')['VIF']
    pair = compute(fused, (sources[0], sources[0]), 'VIF')['VIF']
    assert alone == pytest.approx(1 + pair / 2)


def test_noise_costs_and_contrast_pays():
    source = scene(80, 80)[1]
    noise = np.random.default_rng(1).normal(0, 1, source.shape)

    def vif(image):
        image = np.clip(image, 0, 255).astype(np.uint8)
        return compute(image, (source, source), 'VIF')['VIF']

    values = [vif(source + sigma * noise) for sigma in (0, 2, 6, 18)]
    assert values == sorted(values, reverse=True)
    mild = source // 2 + 60
    assert compute(source, (mild, mild), 'VIF')['VIF'] > 2.05


def test_order_and_number_of_sources():
    fused, a, b = scene(66, 61)
    vif = compute(fused, (a, b), 'VIF')['VIF']
    assert compute(fused, (b, a), 'VIF')['VIF'] == pytest.approx(vif)
    three = compute(fused, (a, b, a), ['VIF', 'VIFF_han'])
    half = compute(fused, (a, a), 'VIF')['VIF'] / 2
    assert three['VIF'] == pytest.approx(vif + half)
    assert three['VIFF_han'] == pytest.approx(
        compute(fused, (b, a), 'VIFF_han')['VIFF_han'])


def test_batches():
    batch = [scene(50, 64, seed) for seed in range(3)]
    tensors = [torch.from_numpy(np.stack(x)) for x in zip(*batch, strict=True)]
    found = compute(tensors[0], tensors[1:], KEYS)
    for index, (fused, *sources) in enumerate(batch):
        expected = compute(fused, sources, KEYS)
        assert {
            key: float(found[key][index]) for key in KEYS
        } == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize('dark', [False, True])
def test_float32(dark):
    fused, *sources = scene(90, 90, dark=dark)
    expected = compute(fused, sources, KEYS)
    fused, *sources = (torch.from_numpy(x)[None].float()
                       for x in (fused, *sources))
    found = compute(fused, sources, KEYS, data_range=255)
    for key, tolerance in zip(KEYS, (5e-4, 5e-4, 1e-5), strict=True):
        assert float(found[key]) == pytest.approx(expected[key], rel=tolerance)


@pytest.mark.parametrize('key', KEYS)
def test_too_small(key):
    image = np.zeros((40, 90), np.uint8)
    with pytest.raises(ValueError, match=r'41.*40x90'):
        compute(image, (image, image), key)
