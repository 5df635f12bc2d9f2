"""Filters and bands of both backends against direct convolution."""
import numpy as np
import pytest
import torch
from scipy.signal import convolve2d

from mmfusion.evaluation import compute
from mmfusion.functional import ops_numpy
from mmfusion.functional.bands import bands, cut
from mmfusion.functional.image import Image
from mmfusion.functional.ops_numpy import NUMPY
from mmfusion.functional.ops_torch import TORCH

SOBEL = np.array([[-1., 0., 1.], [-2., 0., 2.], [-1., 0., 1.]])
MODES = dict(valid='valid', zero='same')


def random(*shape):
    return np.random.default_rng(sum(shape)).random(shape)


@pytest.mark.parametrize('size', [(40, 57), (17, 17), (151, 20), (18, 31)])
@pytest.mark.parametrize('border', MODES)
@pytest.mark.parametrize('step', [1, 2])
def test_separable(size, border, step):
    x, column, row = random(*size), random(17), random(5)
    kernel = np.outer(column, row)[::-1, ::-1]
    expected = convolve2d(x, kernel, mode=MODES[border])[::step, ::step]
    found = NUMPY.separable(x, column, row, border, step)
    np.testing.assert_allclose(found, expected, rtol=1e-12)
    found = TORCH.separable(
        torch.from_numpy(x)[None], column.tolist(), row.tolist(), border, step)
    np.testing.assert_allclose(found[0].numpy(), expected, rtol=1e-12)


@pytest.mark.parametrize('border', ['replicate', 'symmetric', 'reflect'])
def test_borders_agree(border):
    x, side = random(20, 23), random(9)
    np.testing.assert_allclose(
        NUMPY.separable(x, side, side, border),
        TORCH.separable(
            torch.from_numpy(x)[None], side.tolist(), side.tolist(),
            border)[0].numpy(), rtol=1e-12)


@pytest.mark.parametrize('border', MODES)
@pytest.mark.parametrize('kind', ['float64', 'uint8', 'torch'])
def test_sobel(border, kind):
    x = np.floor(random(30, 70) * 256)
    kernel = SOBEL[::-1, ::-1]
    expected = [
        convolve2d(x, k, mode=MODES[border]) for k in (kernel, kernel.T)
    ]
    if kind == 'torch':
        found = [
            part[0].numpy()
            for part in TORCH.sobel(torch.from_numpy(x)[None], border)
        ]
    else:
        found = NUMPY.sobel(x.astype(kind), border)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize('overlap', [0, 2, 10])
def test_every_window_is_in_one_band(monkeypatch, overlap):
    monkeypatch.setattr(ops_numpy, '_BLOCK_ITEMS', 16 * 30 * 7)
    image = Image(random(61, 30), NUMPY)
    parts = [band.values for band in cut(image, overlap)]
    assert len(parts) > 1
    np.testing.assert_array_equal(
        np.concatenate([part[:len(part) - overlap] for part in parts]),
        image.values[:61 - overlap])
    rimmed = np.pad(image.values, overlap // 2)
    rows = 0
    for band in cut(image, overlap, 'zero'):
        height = band.size[0]
        np.testing.assert_array_equal(band.values, rimmed[rows:rows + height])
        rows += height - overlap
    assert rows == 61


def test_bands_are_kept_with_a_lasting_image():
    lasting, passing = (Image(random(20, 20), NUMPY, keep)
                        for keep in (True, False))
    assert bands(lasting, 2) is bands(lasting, 2)
    assert list(bands(passing, 2)) != list(bands(passing, 2))


def test_images_of_more_than_8_bits():
    """They take the paths that whole numbers do not need."""
    images = [random(60, 60 + i)[:, :60] * 255 for i in range(3)]
    keys = ('Qabf', 'EI', 'VIF', 'SSIM', 'QCV')
    found = compute(images[0], images[1:], keys, data_range=255,
                    quantize=False)
    tensors = [torch.from_numpy(image)[None] for image in images]
    expected = compute(tensors[0], tensors[1:], keys, data_range=255,
                       quantize=False)
    rounded = compute(images[0], images[1:], keys, data_range=255)
    for key in keys:
        assert found[key] == pytest.approx(float(expected[key]), rel=1e-9)
        assert found[key] != rounded[key]
        assert found[key] == pytest.approx(rounded[key], rel=2e-2)
