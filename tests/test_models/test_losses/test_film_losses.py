"""FILM's losses: golden numbers, gradients, and what is not computed."""
import numpy as np
import pytest
import torch

from mmfusion.models.losses import (FILMLoss, lp_ssim, lp_ssim_loss,
                                    max_gradient_loss)
from mmfusion.registry import MODELS
from mmfusion.structures import FuserOutput

INTENSITY = dict(max=0.3331945, mean=0.2919742)
GRADIENT = 0.9838771
# norm, weighted structure
LP_SSIM = dict(ir=(15.9329529, 23.890646), vis=(15.785779, 23.5583916))


@pytest.fixture
def images():
    """ir, vis, fused: (2, 1, 24, 32)."""
    random = np.random.RandomState(11)
    return [
        torch.from_numpy(
            random.uniform(size=(2, 1, 24, 32)).astype(np.float32))
        for _ in range(3)
    ]


def call(loss, ir, vis, fused):
    return loss(FuserOutput(fused.expand(-1, 3, -1, -1), luma=fused),
                dict(vis=vis.expand(-1, 3, -1, -1), vis_luma=vis, ir=ir))


@pytest.mark.parametrize('target, total', [('max', 20.0107365),
                                           ('mean', 19.9695168)])
def test_golden_total(images, target, total):
    terms = call(MODELS.build(dict(type='FILMLoss', target=target)), *images)
    assert sorted(terms) == ['gradient', 'intensity']
    assert terms['intensity'].item() == pytest.approx(INTENSITY[target],
                                                      abs=1e-6)
    assert terms['gradient'].item() == pytest.approx(20 * GRADIENT, abs=2e-5)
    assert sum(terms.values()).item() == pytest.approx(total, abs=2e-5)


def test_joint_gradient_against_numpy(images):

    def sobel(image):
        x = np.pad(image.double().numpy()[:, 0], ((0, 0), (1, 1), (1, 1)))
        rows = x[:, :-2] + 2 * x[:, 1:-1] + x[:, 2:]
        columns = x[..., :-2] + 2 * x[..., 1:-1] + x[..., 2:]
        return (np.abs(rows[..., 2:] - rows[..., :-2]) +
                np.abs(columns[:, 2:] - columns[:, :-2]))

    ir, vis, fused = images
    expected = np.abs(np.maximum(sobel(ir), sobel(vis)) - sobel(fused)).mean()
    loss = max_gradient_loss(fused, vis, ir, joint=True)
    assert loss.item() == pytest.approx(expected, rel=1e-6)
    assert loss.item() == pytest.approx(GRADIENT, abs=1e-6)
    separate = max_gradient_loss(fused, vis, ir)
    assert abs(separate - loss) > 0.1
    shell = MODELS.build(dict(type='GradientLoss', joint=True,
                              loss_weight=2.0))
    assert call(shell, *images).item() == pytest.approx(2 * GRADIENT, abs=2e-6)


@pytest.mark.parametrize('source', ['ir', 'vis'])
def test_golden_lp_ssim(images, source):
    ir, vis, fused = images
    norm, structure = LP_SSIM[source]
    image = ir if source == 'ir' else vis
    found = lp_ssim_loss(fused, image, ssim_weight=0)
    assert found.item() == pytest.approx(norm, abs=1e-5)
    found = lp_ssim_loss(fused, image)  # 27, the root of 24 * 32
    assert found.item() == pytest.approx(norm + structure, abs=2e-5)
    shell = MODELS.build(
        dict(type='LpSSIMLoss', source=source, ssim_weight=2.7))
    assert call(shell,
                *images).item() == pytest.approx(norm + structure / 10,
                                                 abs=2e-5)
    taxi = lp_ssim_loss(fused, image, p=1, ssim_weight=0)
    assert taxi.item() == pytest.approx((fused - image).abs().sum().item())


def test_lp_ssim_terms(images):
    loss = FILMLoss(lp_ssim_weight=0.5, gradient_weight=0, loss_weight=2)
    terms = call(loss, *images)
    assert terms['intensity'].item() == pytest.approx(2 * INTENSITY['max'],
                                                      abs=2e-6)
    for source, parts in LP_SSIM.items():
        assert terms[f'lp_ssim_{source}'].item() == pytest.approx(
            sum(parts), abs=2e-5)
    assert 'gradient' not in terms


def test_off_is_not_computed(images, monkeypatch):

    def fail(*_):
        raise AssertionError('computed')

    monkeypatch.setattr(lp_ssim, 'lp_ssim_loss', fail)
    with pytest.raises(AssertionError, match='computed'):
        call(FILMLoss(lp_ssim_weight=0.1), *images)
    # a fused image that equals a source: the authors' code gives NaN
    fused = images[1].clone().requires_grad_()
    sum(call(FILMLoss(), images[0], images[1], fused).values()).backward()
    assert fused.grad.isfinite().all()


def test_gradient_is_finite_where_images_agree(images):
    fused = images[0].clone().requires_grad_()
    lp_ssim_loss(fused, images[0]).backward()
    assert fused.grad.isfinite().all()


def test_gradcheck(images):
    ir, _, fused = (x[:1, :, :6, :7].double() for x in images)
    assert torch.autograd.gradcheck(lambda x: lp_ssim_loss(x, ir),
                                    fused.requires_grad_())


@pytest.mark.parametrize('cfg, match', [
    (dict(type='FILMLoss', target='min'), "'max' or 'mean'"),
    (dict(type='FILMLoss', intensity_weight=0,
          gradient_weight=0), 'at least one weight'),
    (dict(type='LpSSIMLoss', source='both'), "'vis' or 'ir'"),
    (dict(type='LpSSIMLoss', source='ir', p=0.5), 'at least 1'),
])
def test_bad_options(cfg, match):
    with pytest.raises(ValueError, match=match):
        MODELS.build(cfg)
