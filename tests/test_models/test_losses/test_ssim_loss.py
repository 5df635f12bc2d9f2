"""The SSIM loss is the SSIM of the metrics."""
import numpy as np
import pytest
import torch

from mmfusion.evaluation import compute
from mmfusion.models.losses import ssim_loss
from mmfusion.registry import MODELS
from mmfusion.structures import FuserOutput


@pytest.fixture
def images():
    """fused, vis, ir: (2, 1, 19, 23), float64, of 256 levels in 0..1."""
    generator = torch.Generator().manual_seed(0)
    vis, ir, noise = torch.rand(3, 2, 1, 19, 23, generator=generator,
                                dtype=torch.float64)
    return [(x * 255).round() / 255
            for x in (0.6 * vis + 0.3 * ir + 0.1 * noise, vis, ir)]


def metric(fused, source):
    """Mean over images of SSIM by NumPy."""
    return np.mean([
        compute((f[0].numpy() * 255).round().astype(np.uint8),
                [(s[0].numpy() * 255).round().astype(np.uint8)],
                'SSIM')['SSIM'] for f, s in zip(fused, source, strict=True)
    ])


@pytest.mark.parametrize('weights', [(1., 1.), (3., 1.), (0., 2.)])
def test_equals_the_metric(images, weights):
    fused, vis, ir = images
    expected = 1 - np.average(
        [metric(fused, vis), metric(fused, ir)], weights=weights)
    loss = ssim_loss(fused, vis, ir, weights=weights)
    assert loss.item() == pytest.approx(expected, rel=1e-9)
    levels = ssim_loss(*(255 * x for x in images), weights=weights,
                       data_range=255)
    assert levels.item() == pytest.approx(expected, rel=1e-9)


def test_equal_weights_window(images):
    fused, vis, _ = images
    loss = ssim_loss(fused, vis, vis, window_size=7, sigma=None)
    f, v = (np.lib.stride_tricks.sliding_window_view(x[:, 0].numpy(), (7, 7),
                                                     (1, 2)).reshape(-1, 49)
            for x in (fused, vis))
    mf, mv = f.mean(1), v.mean(1)
    covariance = (f * v).mean(1) - mf * mv
    ssim = ((2 * mf * mv + 1e-4) * (2 * covariance + 9e-4) /
            ((mf**2 + mv**2 + 1e-4) * (f.var(1) + v.var(1) + 9e-4)))
    assert loss.item() == pytest.approx(1 - ssim.mean(), rel=1e-9)


def test_limits(images):
    fused = images[0]
    assert ssim_loss(fused, fused, fused).item() == pytest.approx(0, abs=1e-12)
    assert 1 < ssim_loss(fused, 1 - fused, 1 - fused).item() <= 2


@pytest.mark.parametrize('options', [{}, dict(window_size=5, sigma=None)])
def test_gradient(images, options):
    fused = images[0][:1, :, :13, :12].clone().requires_grad_()
    sources = [x[:1, :, :13, :12] for x in images[1:]]
    assert torch.autograd.gradcheck(
        lambda f: ssim_loss(f, *sources, **options), fused)


def test_constant_images_have_a_finite_gradient():
    fused = torch.full((1, 1, 16, 16), 0.5, requires_grad=True)
    loss = ssim_loss(fused, torch.zeros(1, 1, 16, 16),
                     torch.rand(1, 1, 16, 16))
    loss.backward()
    assert torch.isfinite(loss) and torch.isfinite(fused.grad).all()


def test_steps_raise_the_similarity(images):
    _, vis, ir = (x.float() for x in images)
    fused = torch.full_like(vis, 0.5).requires_grad_()
    start = ssim_loss(fused, vis, ir)
    for _ in range(30):
        loss = ssim_loss(fused, vis, ir)
        grad, = torch.autograd.grad(loss, fused)
        fused = (fused - 20 * grad).detach().requires_grad_()
    assert loss < start - 0.2


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
def test_half_is_computed_in_single(images, dtype):
    half = [x.to(dtype) for x in images]
    loss = ssim_loss(*half)
    assert loss.dtype == torch.float32
    torch.testing.assert_close(loss, ssim_loss(*(x.float() for x in half)))
    single = ssim_loss(*(x.float() for x in images))
    with torch.autocast('cpu', dtype=torch.bfloat16):
        torch.testing.assert_close(ssim_loss(*(x.float() for x in images)),
                                   single)


def test_shell_weighs_and_reads_luminance(images):
    fused, vis, ir = images
    inputs = dict(vis=vis.expand(-1, 3, -1, -1), ir=ir, vis_luma=vis)
    loss = MODELS.build(
        dict(type='SSIMLoss', vis_weight=1, ir_weight=3, loss_weight=2.))
    found = loss(FuserOutput(fused.expand(-1, 3, -1, -1), luma=fused), inputs)
    expected = 2 * ssim_loss(fused, vis, ir, weights=(1, 3))
    torch.testing.assert_close(found, expected)
    other = MODELS.build(
        dict(type='SSIMLoss', window_size=7, sigma=None, data_range=2.))
    torch.testing.assert_close(
        other.measure(fused, vis, ir),
        ssim_loss(fused, vis, ir, window_size=7, sigma=None, data_range=2.))


@pytest.mark.parametrize('options, message', [
    (dict(window_size=8), 'odd window_size'),
    (dict(sigma=0.), 'sigma above 0'),
    (dict(data_range=-1.), 'data_range above 0'),
    (dict(vis_weight=0, ir_weight=0), 'not both 0'),
    (dict(vis_weight=-1), '0 or more'),
])
def test_bad_arguments(options, message):
    with pytest.raises(ValueError, match=message):
        MODELS.build(dict(type='SSIMLoss', **options))


def test_image_smaller_than_the_window(images):
    with pytest.raises(ValueError, match='11 pixels or more'):
        ssim_loss(*(x[..., :10] for x in images))
