"""Q_P against a plain transcription of its definition."""
import numpy as np
import pytest
import torch

from mmfusion.evaluation import SourceContext, compute
from mmfusion.functional import phase_congruency
from mmfusion.functional.arrays import planes
from mmfusion.functional.phase_congruency import filter_bank

EPSILON = 1e-4


def scene(height, width, seed=5):
    """Fused image and two sources with edges, ramps and noise."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width]
    first = 60 + 120. * ((x // 9 + y // 13) % 2) + 20 * np.sin(x / 3)
    second = 90 + 90. * (np.hypot(x - 20, y - 25) < 15) + 0.5 * y
    first, second = (image + rng.normal(0, 4, image.shape)
                     for image in (first, second))
    fused = 0.6 * first + 0.4 * second
    return [
        np.clip(image, 0, 255).astype(np.uint8)
        for image in (fused, first, second)
    ]


def frequencies(size, divisor):
    return np.fft.ifftshift(np.arange(size) - size // 2) / divisor


def naive_features(image):
    """Kovesi's phase congruency with complex transforms and filters."""
    height, width = image.shape
    u, v = np.meshgrid(frequencies(width, width - width % 2),
                       frequencies(height, height - height % 2))
    radius, angle = np.sqrt(u**2 + v**2), np.arctan2(-v, u)
    radius[0, 0] = 1
    u, v = np.meshgrid(frequencies(width, width), frequencies(height, height))
    low_pass = 1 / (1 + (np.sqrt(u**2 + v**2) / 0.45)**30)
    spectrum = np.fft.fft2(image.astype(float))
    energies = amplitudes = xx = yy = xy = 0
    for direction in np.arange(6) * np.pi / 6:
        turn = np.abs(
            np.arctan2(np.sin(angle - direction), np.cos(angle - direction)))
        spread = np.exp(-turn**2 / (2 * (np.pi / 6 / 1.2)**2))
        filters = []
        for scale in range(4):
            radial = np.exp(-np.log(radius * 3 * 2.1**scale)**2 /
                            (2 * np.log(0.55)**2)) * low_pass
            radial[0, 0] = 0
            filters.append(radial * spread)
        responses = [np.fft.ifft2(spectrum * one) for one in filters]
        total = sum(responses)
        length = np.abs(total) + EPSILON
        even, odd = total.real / length, total.imag / length
        energy = sum(one.real * even + one.imag * odd -
                     np.abs(one.real * odd - one.imag * even)
                     for one in responses)
        spatial = [
            np.fft.ifft2(one).real * np.sqrt(height * width) for one in filters
        ]
        power = (np.median(np.abs(responses[0])**2) / np.log(2) /
                 (filters[0]**2).sum())
        noise = 2 * power * sum((one**2).sum() for one in spatial)
        noise += 4 * power * sum((spatial[i] * spatial[j]).sum()
                                 for i in range(4) for j in range(i + 1, 4))
        tau = np.sqrt(noise / 2)
        threshold = tau * (np.sqrt(np.pi / 2) +
                           2 * np.sqrt(2 - np.pi / 2)) / 1.7
        sizes = [np.abs(one) for one in responses]
        amplitude = sum(sizes)
        breadth = amplitude / (np.max(sizes, 0) + EPSILON) / 4
        energy = (np.maximum(energy - threshold, 0) / (1 + np.exp(
            (0.5 - breadth) * 10)))
        energies = energies + energy
        amplitudes = amplitudes + amplitude
        local = energy / amplitude
        xx = xx + (local * np.cos(direction))**2 / 3
        yy = yy + (local * np.sin(direction))**2 / 3
        xy = xy + local**2 * np.cos(direction) * np.sin(direction) / 6
    root = np.sqrt(xy**2 + (xx - yy)**2) + EPSILON
    return np.stack((energies / (amplitudes + EPSILON), (xx + yy + root) / 2,
                     (xx + yy - root) / 2))


def naive_window_mean(image):
    """Gaussian mean of 11x11 pixels, zeros outside."""
    distance = np.arange(11) - 5
    weights = np.exp(-distance**2 / (2 * 1.5**2))
    weights /= weights.sum()
    around = np.pad(image, 5)
    return sum(weights[i] * weights[j] *
               around[i:i + image.shape[0], j:j + image.shape[1]]
               for i in range(11) for j in range(11))


def naive_quality(fused, first, second):
    ours = naive_features(fused)
    sources = []
    for image in (first, second):
        found = naive_features(image)
        sources.append(found * (found[0] > 0.1))
    sources.append(np.where(sources[0][0] > sources[1][0], *sources))
    masks = [one[0] > 0.1 for one in sources]
    quality = 1
    for index in range(3):
        kept = []
        for one, mask in zip(sources, masks, strict=True):
            x, y = ours[index], one[index]
            mean_x, mean_y = naive_window_mean(x), naive_window_mean(y)
            var_x = naive_window_mean(x * x) - mean_x**2
            var_y = naive_window_mean(y * y) - mean_y**2
            shared = naive_window_mean(x * y) - mean_x * mean_y
            deviation = np.sqrt(np.maximum(var_x * var_y, 0))
            kept.append((shared + 1e-4) / (deviation + 1e-4) * mask)
        quality *= np.max(kept, 0).sum() / masks[2].sum()
    return quality


@pytest.mark.parametrize('size', [(48, 64), (51, 60), (48, 47), (49, 63)])
def test_equals_plain_transcription(size):
    images = scene(*size)
    value = compute(images[0], images[1:], 'QP')['QP']
    assert value == pytest.approx(naive_quality(*images), rel=1e-9)
    assert 0.05 < value < 1


@pytest.mark.parametrize('size', [(48, 64), (49, 63)])
def test_features_equal_plain_transcription(size):
    image = scene(*size)[0]
    found = phase_congruency.phase_features(
        planes(image.astype(float), 'gray', True)[0])
    expected = naive_features(image)
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_allclose(ours.values, theirs, rtol=1e-9, atol=1e-12)
    assert found.congruency.values.min() >= 0
    assert found.congruency.values.max() < 1


def test_batches():
    triplets = [scene(40, 45, seed) for seed in range(2)]
    tensors = [
        torch.from_numpy(np.stack(images))
        for images in zip(*triplets, strict=True)
    ]
    values = compute(tensors[0], tensors[1:], 'QP')['QP']
    assert values.tolist() == pytest.approx(
        [compute(one[0], one[1:], 'QP')['QP'] for one in triplets], rel=1e-9)


def test_order_of_the_sources_does_not_matter():
    fused, first, second = scene(48, 64)
    values = [
        compute(fused, pair, 'QP')['QP']
        for pair in ((first, second), (second, first))
    ]
    assert values[0] == pytest.approx(values[1], rel=1e-9)


def test_a_source_twice_changes_nothing():
    fused, first, second = scene(48, 64)
    values = [
        compute(fused, sources, 'QP')['QP']
        for sources in ((first, second), (first, second, first))
    ]
    assert values[0] == pytest.approx(values[1], rel=1e-9)


def test_noise_and_blur_lower_it():
    images = scene(96, 96)
    rng = np.random.default_rng(1)
    values = []
    for sigma in (0, 10, 40):
        noisy = images[0] + rng.normal(0, sigma, images[0].shape)
        noisy = np.clip(noisy, 0, 255).astype(np.uint8)
        values.append(compute(noisy, images[1:], 'QP')['QP'])
    assert values[0] > values[1] > values[2]


def test_undefined_cases_are_zero():
    fused, first, second = scene(48, 64)
    flat = np.full_like(fused, 77)
    for images in ((flat, first, second), (fused, flat, flat), (flat, ) * 3):
        value = compute(images[0], images[1:], 'QP')['QP']
        assert value == pytest.approx(0, abs=1e-9)
    tensors = [
        torch.from_numpy(image)[None] for image in (flat, first, second)
    ]
    value = compute(tensors[0], tensors[1:], 'QP')['QP'].item()
    assert value == pytest.approx(0, abs=1e-9)


def test_small_images_are_refused():
    images = [image[:10] for image in scene(48, 64)]
    with pytest.raises(ValueError, match=r'QP \(11\).*got 10x64'):
        compute(images[0], images[1:], 'QP')


def test_sources_are_analysed_once(monkeypatch):
    images = scene(48, 64)
    seen = []
    terms = phase_congruency._moments

    def count(*args):
        seen.append(args)
        return terms(*args)

    monkeypatch.setattr(phase_congruency, '_moments', count)
    context = SourceContext(images[1:])
    for _ in range(2):
        compute(images[0], context, 'QP')
    assert len(seen) == 4


def test_filters_are_kept_for_a_size():
    assert filter_bank(32, 40) is filter_bank(32, 40)
    bank = filter_bank(33, 40)
    assert bank.radial.shape == (4, 33, 21)
    assert bank.even.shape == bank.odd.shape == (6, 33, 21)
    # What is even has no odd part, and the other way round.
    assert not bank.odd[:, 0, 0].any() and (bank.noise > 0).all()
