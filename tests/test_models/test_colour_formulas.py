"""Colour formulas: to the bit those of Pillow and OpenCV."""
import cv2
import numpy as np
import pytest
import torch
from PIL import Image

from mmfusion.models.layers import ColourFormula, to_levels


@pytest.fixture(scope='module')
def image():
    return np.random.default_rng(0).integers(0, 256, (96, 96, 3), np.uint8)


def tensor(array):
    array = array if array.ndim == 3 else array[..., None]
    return torch.from_numpy(array.transpose(2, 0, 1).copy())[None] / 255


def array(rgb):
    levels = 255 * rgb[0].permute(1, 2, 0).numpy()
    np.testing.assert_allclose(levels, levels.round(), atol=1e-3)
    return levels.round().astype(np.uint8)


def pillow(image, planes=False):
    ycc = np.asarray(Image.fromarray(image).convert('YCbCr'))
    grey = np.asarray(Image.fromarray(image).convert('L'))
    return ycc[..., 0] if planes else grey, ycc[..., 1:]


def opencv(image):
    ycc = cv2.cvtColor(image, cv2.COLOR_RGB2YCrCb)
    return ycc[..., 0], ycc[..., :0:-1]


def pillow_rgb(y, cbcr):
    planes = [Image.fromarray(x) for x in (y, cbcr[..., 0], cbcr[..., 1])]
    return np.asarray(Image.merge('YCbCr', planes).convert('RGB'))


def opencv_rgb(y, cbcr):
    planes = np.dstack([y, cbcr[..., ::-1]])
    return cv2.cvtColor(planes, cv2.COLOR_YCrCb2RGB)


@pytest.mark.parametrize('name, split, join', [
    ('pillow', pillow, pillow_rgb),
    ('opencv', opencv, opencv_rgb),
    ('pillow_planes+opencv', lambda image: pillow(image, True), opencv_rgb),
])
def test_libraries(image, name, split, join):
    formula = ColourFormula(name)
    y, cbcr = formula.split(tensor(image), True)
    expected = split(image)
    np.testing.assert_array_equal(array(y)[..., 0], expected[0])
    chroma = (255 * (cbcr[0] - 0.5) + 128).permute(1, 2, 0).numpy()
    np.testing.assert_allclose(chroma, expected[1], atol=1e-3)
    fused = image[::-1, :, 1].copy()
    got = array(formula.join(tensor(fused), cbcr, True))
    np.testing.assert_array_equal(got, join(fused, expected[1]))


def test_planes_through_the_projects_matrix(image):
    formula = ColourFormula('opencv+planes')
    y, cbcr = formula.split(tensor(image), True)
    cb, cr = (opencv(image)[1][..., k] / 255 - 0.5 for k in (0, 1))
    luma = y[0, 0].numpy()
    expected = np.stack((luma + 1.403 * cr, luma - 0.714 * cr - 0.344 * cb,
                         luma + 1.773 * cb)).clip(0, 1)
    got = formula.join(y, cbcr, True)[0].numpy()
    np.testing.assert_allclose(got, expected, atol=1e-5)
    assert not formula.whole and ColourFormula('opencv').whole


@pytest.mark.parametrize('name', ['pillow', 'opencv', 'pillow_planes+opencv'])
def test_gradients_pass_the_rounding(name):
    formula = ColourFormula(name)
    rgb = (0.25 + torch.rand(1, 3, 4, 4) / 2).requires_grad_()
    y, cbcr = formula.split(rgb, True)
    formula.join(0.9 * y, cbcr, True).sum().backward()
    assert (rgb.grad.abs() > 0.1).all()


def test_levels():
    values = torch.tensor([-0.1, 0.4999 / 255, 1.5001 / 255, 1.9999 / 255, 2.])
    assert (255 * to_levels(values)).round().tolist() == [0, 0, 2, 2, 255]
    assert (255 *
            to_levels(values, 'trunc')).round().tolist() == [0, 0, 1, 1, 255]


def test_unknown():
    with pytest.raises(ValueError, match="colour_formula 'project', 'pillow'"):
        ColourFormula('hsv')
    with pytest.raises(ValueError, match="got 'pillow_planes'"):
        ColourFormula('pillow+pillow_planes')
