"""Losses of DATFuse and MATR."""
import numpy as np
import pytest
import torch

from mmfusion.models.losses import (mean_gradient_loss,
                                    region_information_loss, ssim_loss)
from mmfusion.registry import MODELS
from mmfusion.structures import FuserOutput


@pytest.fixture
def images():
    """fused, vis, ir: (2, 1, 24, 27), float64."""
    generator = torch.Generator().manual_seed(0)
    vis, ir, noise = torch.rand(3, 2, 1, 24, 27, generator=generator,
                                dtype=torch.float64)
    return 0.5 * vis + 0.4 * ir + 0.1 * noise, vis, ir


def regions(image):
    """Points of nine dimensions, (9, N)."""
    height, width = (size // 3 * 3 for size in image.shape)
    small = image[:height, :width].reshape(height // 3, 3, -1, 3).mean((1, 3))
    windows = np.lib.stride_tricks.sliding_window_view(small, (3, 3))
    points = windows.reshape(-1, 9).T
    return points - points.mean(1, keepdims=True)


def test_region_information_equals_numpy(images):
    values = []
    for f, a in zip(*(image.numpy()[:, 0] for image in images[:2]),
                    strict=True):
        f, a = regions(f), regions(a)
        small = 5e-4 * np.eye(9)
        left = a @ a.T - a @ f.T @ np.linalg.inv(f @ f.T + small) @ f @ a.T
        values.append(np.linalg.slogdet(left + small)[1] / 18)
    loss = region_information_loss(*images[:2])
    assert loss.item() == pytest.approx(np.mean(values), rel=1e-6)


def test_region_information_grows_with_noise(images):
    fused, vis, ir = images
    values = [
        region_information_loss(vis + share * ir, vis).item()
        for share in (0., 0.1, 1.)
    ]
    assert values == sorted(values)
    weighted = MODELS.build(
        dict(type='RegionInformationLoss', vis_weight=2.,
             ir_weight=0.))(FuserOutput(fused.expand(-1, 3, -1, -1), fused),
                            dict(vis_luma=vis, ir=ir))
    assert weighted.item() == pytest.approx(
        2 * region_information_loss(fused, vis).item())
    with pytest.raises(ValueError, match='Expected images of 9 pixels'):
        region_information_loss(fused[..., :8], vis[..., :8])
    flat = torch.zeros(1, 1, 12, 12, requires_grad=True)
    region_information_loss(flat, flat.detach() + 0.5).backward()
    assert torch.isfinite(flat.grad).all()


def test_gradient_of_means(images):
    """One number a batch: the inner pixels cancel each other out."""
    fused, vis, ir = images
    padded = np.pad(torch.stack(images).numpy(), [(0, 0)] * 3 + [(1, 1)] * 2)
    total = 0.
    for dy in range(3):
        for dx in range(3):
            factor = (dx - 1) * (1 + (dy == 1)) + (dy - 1) * (1 + (dx == 1))
            total = total + factor * padded[..., dy:dy + 24, dx:dx + 27]
    means = total.mean((1, 2, 3, 4))
    loss = MODELS.build(dict(type='GradientLoss', of_means=True))(FuserOutput(
        fused.expand(-1, 3, -1, -1), fused), dict(vis_luma=vis, ir=ir))
    expected = abs(means[0] - max(means[1:]))
    assert loss.item() == pytest.approx(expected, rel=1e-9)
    assert mean_gradient_loss(*images).item() == loss.item()


def test_ssim_with_the_maximum(images):
    fused, vis, ir = images
    both = torch.maximum(vis, ir)
    loss = MODELS.build(dict(type='SSIMLoss', target='max'))(FuserOutput(
        fused.expand(-1, 3, -1, -1), fused), dict(vis_luma=vis, ir=ir))
    assert loss.item() == pytest.approx(ssim_loss(fused, both, both).item())
    with pytest.raises(ValueError, match="target 'sources' or 'max'"):
        MODELS.build(dict(type='SSIMLoss', target='mean'))


def test_information_without_ssim(images):
    """GIFNet's weighted squared distances."""
    fused, vis, ir = images
    loss = MODELS.build(
        dict(type='InformationPreservationLoss', ssim_weight=0.,
             mse_weight=1.))
    weights = loss.weights(vis, ir)
    expected = sum((w * (fused - source).square().mean((1, 2, 3))).mean()
                   for w, source in zip(weights, (vis, ir), strict=True))
    assert loss.measure(fused, vis,
                        ir).item() == pytest.approx(expected.item())
