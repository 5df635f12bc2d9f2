"""MEF-SSIM against its definition, patch by patch."""
import numpy as np
import pytest

from mmfusion.evaluation import compute

SIDE = 11


def scene(height, width, sources=2, seed=0):
    """Fused image and sources of one scene, different exposures."""
    rng = np.random.default_rng(seed)
    base = np.cumsum(rng.normal(0, 14, (height, width)), 1) + 128
    images = [
        base * gain + rng.normal(0, noise, base.shape)
        for gain, noise in zip((0.5, 1, 0.3), (3, 9, 14), strict=True)
    ]
    images = [np.mean(images, 0), *images[:sources]]
    return [np.clip(image, 0, 255).astype(np.uint8) for image in images]


def patch_score(fused, sources):
    """Similarity of one patch with the wanted one."""
    grid = np.arange(-5, 6)
    weights = np.exp(-(grid[:, None]**2 + grid**2) / (2 * 1.5**2))
    weights /= weights.sum()
    centred = [source - source.mean() for source in sources]
    lengths = [np.linalg.norm(patch) for patch in centred]
    strengths = [length + 0.001 for length in lengths]
    consistency = 1.
    if sum(lengths):
        consistency = np.linalg.norm(sum(centred)) / sum(lengths)
    power = min(np.tan(np.pi / 2 * min(consistency, 1 - 1e-12)), 10)
    mixing = np.array([(s / SIDE)**power for s in strengths])
    mixing /= mixing.sum()
    wanted = sum(
        w * patch / s
        for w, patch, s in zip(mixing, centred, strengths, strict=True))
    norm = np.linalg.norm(wanted)
    if norm > 1e-9:
        wanted = wanted / norm * max(strengths)
    wanted = wanted - (weights * wanted).sum()
    fused = fused - (weights * fused).sum()
    constant = (0.03 * 255)**2
    return ((2 * (weights * wanted * fused).sum() + constant) /
            ((weights * (wanted**2 + fused**2)).sum() + constant))


def direct(fused, sources):
    fused, *sources = (np.asarray(x, float) for x in (fused, *sources))
    shape = [side - SIDE + 1 for side in fused.shape]
    return np.mean([
        patch_score(*((fused[i:i + SIDE, j:j + SIDE],
                       [s[i:i + SIDE, j:j + SIDE] for s in sources])))
        for i, j in np.ndindex(*shape)
    ])


def halved(image):
    """2x2 means beginning at every second pixel, mirrored at the end."""
    image = np.pad(np.asarray(image, float), (0, 1), 'symmetric')
    means = (image[:-1, :-1] + image[1:, :-1] + image[:-1, 1:] +
             image[1:, 1:]) / 4
    return means[::2, ::2]


@pytest.mark.parametrize('sources', [1, 2, 3])
def test_definition(sources):
    fused, *images = scene(19, 22, sources)
    assert compute(fused, images, 'MEF_SSIM')['MEF_SSIM'] == pytest.approx(
        direct(fused, images), rel=1e-9)


def test_flat_patches_by_definition():
    """Flat in one source, in all, and with F flat."""
    images = scene(20, 44)
    for index, image in enumerate(images):
        image[:, :14 + 13 * (index > 0)] = 60 * index
    images[2][:, :27] = scene(20, 27, seed=5)[0]
    images[2][:, :13] = 9
    fused, *sources = images
    assert compute(fused, sources, 'MEF_SSIM')['MEF_SSIM'] == pytest.approx(
        direct(fused, sources), rel=1e-9)


@pytest.mark.parametrize('shape', [(41, 48), (45, 43)])
def test_three_scales(shape):
    images = scene(*shape)
    expected, scaled = 1., images
    weights = np.array([0.0448, 0.2856, 0.3001])
    for weight in weights / weights.sum():
        expected *= direct(scaled[0], scaled[1:])**weight
        scaled = [halved(image) for image in scaled]
    found = compute(images[0], images[1:], 'MEF_MS_SSIM')['MEF_MS_SSIM']
    assert found == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize('name', ['MEF_SSIM', 'MEF_MS_SSIM'])
def test_limits(name):
    fused, first, second = scene(48, 50)
    assert compute(first, (first, first), name)[name] == pytest.approx(
        1, abs=1e-5)  # strengths have 0.001 added
    flat = np.full_like(fused, 77)
    assert compute(flat, (flat, flat), name)[name] == pytest.approx(1)
    assert 0 <= compute(255 - first, (first, first), name)[name] < 0.5 \
        or name == 'MEF_SSIM'
    assert compute(fused, (first, second), name)[name] == pytest.approx(
        compute(fused, (second, first), name)[name])


def test_better_fusion_scores_higher():
    fused, first, second = scene(64, 64)
    noisy = np.clip(fused + np.random.default_rng(2).normal(0, 25, (64, 64)),
                    0, 255).astype(np.uint8)
    values = [
        compute(image, (first, second), 'MEF_SSIM')['MEF_SSIM']
        for image in (second, noisy)
    ]
    assert values[0] > values[1]


def test_tang_names():
    """Tang's MATLAB files call these SSIM and MS_SSIM."""
    fused, *sources = scene(50, 46)
    found = compute(fused, sources,
                    'SSIM:tang2022,MS_SSIM:tang,MEF_SSIM,MEF_MS_SSIM')
    assert found['SSIM:tang2022'] == found['MEF_SSIM']
    assert found['MS_SSIM:tang'] == found['MEF_MS_SSIM']


@pytest.mark.parametrize('name, smallest', [('MEF_SSIM', 11),
                                            ('MEF_MS_SSIM', 41)])
def test_too_small(name, smallest):
    fused, *sources = (image[:, :smallest - 1] for image in scene(50, 46))
    with pytest.raises(ValueError, match=rf'{name} \({smallest}\)'):
        compute(fused, sources, name)


def test_labman(triplets):
    fused, *sources = triplets()['labMan', 'CBF']
    found = compute(fused, sources, 'SSIM:tang2022')['SSIM:tang2022']
    assert found == pytest.approx(0.8193, abs=6e-5)
