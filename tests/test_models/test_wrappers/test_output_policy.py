"""Range, colour and levels of the images that wrappers give out."""
import cv2
import numpy as np
import pytest
import torch
from mmengine.registry import init_default_scope

from mmfusion.models.fusers.base import BaseFuser
from mmfusion.models.layers import luma
from mmfusion.registry import MODELS
from mmfusion.structures import FuserOutput
from tests.support.wrapper_cases import make_samples


def fused(fuser, inputs, samples=None, **options):
    init_default_scope('mmfusion')
    torch.manual_seed(0)
    model = MODELS.build(dict(type='ImageFuser', fuser=fuser, **options))
    with torch.no_grad():
        found = model.eval().predict(inputs, samples)
    return torch.stack([sample.fused_img.data for sample in found]), model


STUDENT = dict(type='MMDRFuseStudent')


class ColourFuser(BaseFuser):
    """Gives colour alone."""

    def fuse(self, vis, ir):
        return FuserOutput(vis)


def test_clamp_is_what_the_fuser_gives(batch):
    image, model = fused(STUDENT, batch[0])
    expected = model.fuser(batch[0][:, :3], batch[0][:, 3:]).fused
    torch.testing.assert_close(image, expected.clamp(0, 1))


def test_minmax_stretches_each_luminance(batch):
    inputs, _ = batch
    grey, model = fused(STUDENT, inputs, output_norm='minmax',
                        output_colour='grey')
    raw = model.fuser(inputs[:, :3], inputs[:, 3:]).luma
    low, high = (raw.flatten(1).aminmax(dim=1)[k][:, None, None, None]
                 for k in (0, 1))
    expected = (raw - low) / (high - low)
    assert torch.allclose(grey, expected.expand(-1, 3, -1, -1), atol=1e-6)
    colour, _ = fused(STUDENT, inputs, output_norm='minmax')
    _, cbcr = model.fuser.split_colour(inputs[:, :3])
    assert torch.allclose(colour,
                          model.fuser.join_colour(expected, cbcr).clamp(0, 1),
                          atol=1e-6)


def test_none_leaves_values_alone(batch):
    inputs = batch[0]
    student = dict(STUDENT, clamp=False)
    image, model = fused(student, inputs, output_norm='none')
    raw = model.fuser(inputs[:, :3], inputs[:, 3:])
    torch.testing.assert_close(image, raw.fused)
    grey, _ = fused(student, inputs, output_norm='none', output_colour='grey')
    torch.testing.assert_close(grey, raw.luma.expand(-1, 3, -1, -1))


def test_padding_does_not_decide_the_range(batch):
    """Only pixels of the image itself are stretched."""
    inputs = batch[0].clone()
    inputs[:, :, :, 80:] = 0
    samples = make_samples(2, 64, 96)
    for sample in samples:
        sample.set_metainfo(
            dict(ori_shape=(64, 80), img_shape=(64, 80),
                 img_padding_size=(0, 16, 0, 0)))
    image, _ = fused(STUDENT, inputs, samples, output_norm='minmax',
                     output_colour='grey')
    assert image.shape[-2:] == (64, 80)
    torch.testing.assert_close(image.amin((1, 2, 3)), torch.zeros(2))
    torch.testing.assert_close(image.amax((1, 2, 3)), torch.ones(2))


@pytest.mark.parametrize('norm', ['clamp', 'minmax', 'none'])
def test_fusers_without_luminance(batch, norm):
    inputs = batch[0] * 0.5 + 0.2
    fuser = ColourFuser()
    image, _ = fused(fuser, inputs, output_norm=norm)
    vis = inputs[:, :3]
    if norm == 'minmax':
        low, high = (getattr(vis, name)((1, 2, 3), keepdim=True)
                     for name in ('amin', 'amax'))
        vis = (vis - low) / (high - low)
    assert torch.allclose(image, vis, atol=1e-6)
    grey, _ = fused(fuser, inputs, output_norm='clamp', output_colour='grey')
    assert torch.allclose(grey, luma(inputs[:, :3]).expand(-1, 3, -1, -1))


def test_constant_images_are_not_divided_by_zero():
    inputs = torch.full((1, 4, 16, 16), 0.25)
    image, _ = fused(dict(type='AverageFuser'), inputs, output_norm='minmax')
    assert torch.allclose(image, torch.full_like(image, 0.25), atol=1e-3)


@pytest.mark.parametrize('wrong', [
    dict(output_norm='max'),
    dict(output_colour='red'),
    dict(output_rounding='up')
])
def test_wrong_arguments(wrong):
    with pytest.raises(ValueError, match='Expected output_'):
        fused(STUDENT, torch.rand(1, 4, 8, 8), **wrong)


def test_minmax_over_the_colours(batch):
    """As SeAFusion is saved: of the clamped RGB image, then truncated."""
    inputs = batch[0] * 0.5 + 0.2
    student = dict(STUDENT)
    image, model = fused(student, inputs, output_norm='minmax_rgb',
                         output_rounding='trunc')
    rgb = model.fuser(inputs[:, :3], inputs[:, 3:]).fused
    low, high = (getattr(rgb, name)((1, 2, 3), keepdim=True)
                 for name in ('amin', 'amax'))
    expected = (255 * ((rgb - low) / (high - low))).floor()
    assert (255 * image - expected).abs().max() <= 1.001
    assert ((255 * image - expected).abs() < 1e-3).float().mean() > 0.999


@pytest.mark.parametrize('rounding', ['round', 'trunc'])
def test_levels(batch, rounding):
    """Of the image, or of the luminance where colour is of 8 bits."""
    how = dict(round=torch.round, trunc=torch.floor)[rounding]
    inputs = (255 * batch[0]).round() / 255
    image, model = fused(STUDENT, inputs, output_rounding=rounding)
    rgb = model.fuser(inputs[:, :3], inputs[:, 3:]).fused
    torch.testing.assert_close(255 * image, how(255 * rgb.clamp(0, 1)),
                               atol=1e-3, rtol=0)
    image, model = fused(dict(STUDENT, colour_formula='opencv'), inputs,
                         output_rounding=rounding)
    output = model.fuser(inputs[:, :3], inputs[:, 3:])
    y = how(255 * output.luma.clamp(0, 1)) / 255
    _, cbcr = model.fuser.split_colour(inputs[:, :3])
    torch.testing.assert_close(image, model.fuser.join_colour(y, cbcr))


def test_clahe_of_exposures(batch):
    image, model = fused(STUDENT, batch[0], output_norm='clahe',
                         output_colour='grey')
    luma_ = model.fuser(batch[0][:, :3], batch[0][:, 3:]).luma.clamp(0, 1)
    for one, y in zip(image, luma_, strict=True):
        y = (255 * y[0]).round().double() / 255
        levels = np.uint8((y * 235 + (1 - y) * 16).detach().numpy())
        expected = cv2.createCLAHE(2.0, (8, 8)).apply(levels)
        np.testing.assert_allclose(255 * one[0].numpy(), expected, atol=1.001)
