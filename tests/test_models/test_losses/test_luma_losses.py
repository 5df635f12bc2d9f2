"""Losses of three luminances against NumPy."""
import numpy as np
import pytest
import torch

from mmfusion.models.losses import average_loss, correlation, correlation_loss
from mmfusion.registry import MODELS
from mmfusion.structures import FuserOutput


@pytest.fixture
def images():
    """fused, vis, ir: (3, 1, 17, 23), float64."""
    generator = torch.Generator().manual_seed(0)
    vis, ir, noise = torch.rand(3, 3, 1, 17, 23, generator=generator,
                                dtype=torch.float64)
    return 0.4 * vis + 0.5 * ir + 0.1 * noise, vis, ir


def pearson(a, b):
    return np.corrcoef(np.ravel(a), np.ravel(b))[0, 1]


class TestCorrelation:

    def test_whole_batch(self, images):
        fused, vis, _ = images
        np.testing.assert_allclose(
            correlation(fused, vis).item(), pearson(fused, vis), rtol=1e-12)

    def test_per_image(self, images):
        fused, vis, _ = images
        expected = [pearson(f, v) for f, v in zip(fused, vis, strict=True)]
        np.testing.assert_allclose(correlation(fused, vis, per_image=True),
                                   expected, rtol=1e-12)

    def test_limits(self, images):
        fused = images[0]
        assert correlation(fused, 2 * fused + 1).item() == pytest.approx(1)
        assert correlation(fused, -fused).item() == pytest.approx(-1)

    @pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
    def test_half_is_computed_in_single(self, images, dtype):
        fused, vis, _ = (x.to(dtype) for x in images)
        assert correlation(fused, vis).dtype == torch.float32
        assert correlation(fused, vis).item() == pytest.approx(
            pearson(fused.float(), vis.float()), abs=1e-5)

    def test_constant_image_is_finite(self):
        flat = torch.full((1, 1, 8, 8), 0.3, requires_grad=True)
        value = correlation(flat, torch.rand(1, 1, 8, 8))
        value.sum().backward()
        assert value.abs().item() < 1e-3
        assert torch.isfinite(flat.grad).all()


class TestCorrelationLoss:

    def test_reciprocal(self, images):
        fused, vis, ir = images
        total = pearson(fused, vis) + pearson(fused, ir)
        loss = correlation_loss(fused, vis, ir, eps=0)
        assert loss.item() == pytest.approx(1 / total, rel=1e-12)
        shifted = correlation_loss(fused, vis, ir, eps=0.5)
        assert shifted.item() == pytest.approx(1 / (total + 0.5), rel=1e-12)

    def test_complement_per_image(self, images):
        fused, vis, ir = images
        terms = [
            1 - (pearson(f, v) + pearson(f, i)) / 2
            for f, v, i in zip(fused, vis, ir, strict=True)
        ]
        loss = correlation_loss(fused, vis, ir, form='complement',
                                per_image=True)
        assert loss.item() == pytest.approx(np.mean(terms), rel=1e-12)

    @pytest.mark.parametrize('form', ['reciprocal', 'complement'])
    def test_gradient(self, images, form):
        fused = images[0].clone().requires_grad_()
        assert torch.autograd.gradcheck(
            lambda f: correlation_loss(f, *images[1:], form=form), fused)

    def test_unknown_form(self, images):
        with pytest.raises(ValueError, match='reciprocal'):
            correlation_loss(*images, form='ratio')
        with pytest.raises(ValueError, match='reciprocal'):
            MODELS.build(dict(type='CorrelationLoss', form='ratio'))


def test_average(images):
    fused, vis, ir = images
    expected = np.abs(fused - (vis + ir) / 2).mean()
    assert average_loss(fused, vis,
                        ir).item() == pytest.approx(float(expected), rel=1e-12)


@pytest.mark.parametrize('cfg, function', [
    (dict(type='AverageLoss'), average_loss),
    (dict(type='CorrelationLoss'), correlation_loss),
])
def test_shells_weigh_and_read_luminance(images, cfg, function):
    fused, vis, ir = images
    inputs = dict(vis=vis.expand(-1, 3, -1, -1), ir=ir, vis_luma=vis)
    loss = MODELS.build(dict(cfg, loss_weight=3.0))
    expected = 3 * function(fused, vis, ir)
    rgb = fused.expand(-1, 3, -1, -1)
    with_luma = loss(FuserOutput(rgb * 0, luma=fused), inputs)
    from_colour = loss(FuserOutput(rgb), inputs)
    torch.testing.assert_close(with_luma, expected)
    torch.testing.assert_close(from_colour, expected, atol=1e-6, rtol=1e-6)
