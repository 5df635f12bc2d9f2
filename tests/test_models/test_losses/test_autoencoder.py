"""Losses of reconstructions and of exposures."""
import numpy as np
import pytest
import torch

from mmfusion.functional import compute
from mmfusion.models.losses import AutoencoderLoss, MEFSSIMLoss, ssim_loss
from mmfusion.structures import FuserOutput


@pytest.fixture
def images():
    generator = torch.Generator().manual_seed(0)
    return torch.rand(4, 2, 1, 20, 24, generator=generator)


def call(loss, rec, vis, ir, third=None):
    aux = dict(vis_rec=rec, ir_rec=rec)
    inputs = dict(vis_luma=vis, ir=ir)
    if third is not None:
        aux['more.0_rec'], inputs['more.0'] = rec, third
    return loss(FuserOutput(rec.expand(-1, 3, -1, -1), rec, aux), inputs)


def test_means_over_sources(images):
    rec, *sources = images
    terms = call(AutoencoderLoss(2., 3.), rec, *sources)
    pixel = sum((rec - x).square().mean() for x in sources) / 3
    ssim = sum(ssim_loss(rec, x, x) for x in sources) / 3
    torch.testing.assert_close(terms['pixel'], 2 * pixel)
    torch.testing.assert_close(terms['ssim'], 3 * ssim)
    two = call(AutoencoderLoss(2., 0.), rec, *sources[:2])
    assert list(two) == ['pixel']


def test_structure_of_levels(images):
    """DenseFuse: levels of 0 to 255, constants as if they were 0 to 1."""
    rec, vis, ir = images[:3]
    loss = AutoencoderLoss(1., 10., part='structure', scale=255.)
    terms = call(loss, rec, vis, ir)
    pixel = (255 * (rec - torch.stack((vis, ir)))).square().mean()
    torch.testing.assert_close(terms['pixel'], pixel)

    steps = np.arange(11) - 5
    row = np.exp(-steps**2 / 4.5)
    kernel = np.outer(row, row) / row.sum()**2

    def mean(x):
        windows = np.lib.stride_tricks.sliding_window_view(x, (11, 11))
        return (windows * kernel).sum((-2, -1))

    total = 0
    for x in (vis, ir):
        for a, b in zip(rec[:, 0], x[:, 0], strict=True):
            a, b = 255 * a.double().numpy(), 255 * b.double().numpy()
            cov = mean(a * b) - mean(a) * mean(b)
            own = mean(a * a) - mean(a)**2 + mean(b * b) - mean(b)**2
            total += ((2 * cov + 9e-4) / (own + 9e-4)).mean() / 4
    assert abs(terms['ssim'].item() - 10 * (1 - total)) < 1e-4


def test_without_reconstructions(images):
    with pytest.raises(ValueError, match='autoencoder=True'):
        AutoencoderLoss()(FuserOutput(images[0]),
                          dict(vis_luma=images[0], ir=images[1]))


def test_mef_ssim(images):
    """Less the metric of that name, of any number of exposures."""
    fused, *sources = ((255 * x[:1]).round() / 255 for x in images)
    for count in (2, 3):
        vis, ir, *more = sources[:count]
        inputs = dict(vis_luma=vis, ir=ir, **{
            f'more.{k}': x for k, x in enumerate(more)
        })
        image = fused.clone().requires_grad_()
        loss = MEFSSIMLoss()(FuserOutput(image.expand(-1, 3, -1, -1), image),
                             inputs)
        loss.backward()
        assert image.grad.abs().sum() > 0
        eight = [
            np.uint8((255 * x[0, 0]).round()) for x in (fused, vis, ir, *more)
        ]
        expected = compute(eight[0], eight[1:], ['MEF_SSIM'])['MEF_SSIM']
        assert abs(loss.item() - (1 - expected)) < 1e-5
