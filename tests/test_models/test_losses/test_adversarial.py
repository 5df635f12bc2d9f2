"""What discriminators see, and how they learn."""
import numpy as np
import pytest
import torch

from mmfusion.models.discriminators import StridedDiscriminator
from mmfusion.models.losses import (detail_views, divergence_loss,
                                    gradient_magnitude, target_views)


def edges(image):
    """Loops over pixels."""
    image = np.asarray(image)
    height, width = image.shape
    out = np.empty((height, width))
    for y in range(height):
        for x in range(width):
            along = image[y, min(x + 1, width - 1)] - image[y, x]
            down = image[min(y + 1, height - 1), x] - image[y, x]
            out[y, x] = (along**2 + down**2 + 1e-6)**0.5
    return out


def test_views_of_targets_and_background():
    generator = torch.Generator().manual_seed(0)
    fused, vis, ir = torch.rand(3, 1, 1, 5, 6, generator=generator)
    mask = (torch.rand(1, 1, 5, 6, generator=generator) > 0.5).float()
    f, v, i, m = (x[0, 0].double().numpy() for x in (fused, vis, ir, mask))

    def check(views, *expected):
        for got, one in zip(views, expected, strict=True):
            np.testing.assert_allclose(got[0, 0], one, atol=1e-6)

    check(target_views(fused, vis, ir, mask), i * m, f * m)
    background = edges(f * (1 - m))
    check(detail_views(fused, vis, ir, mask), edges(v * (1 - m)), background)
    check(detail_views(fused, vis, ir, mask, 'released_code'),
          edges(edges(v) * m), background)
    check((gradient_magnitude(fused), ), edges(f))
    with pytest.raises(ValueError, match='real'):
        detail_views(fused, vis, ir, mask, 'vis')


def test_divergence():
    """Discriminators whose slope is known everywhere."""
    generator = torch.Generator().manual_seed(0)
    real, fake = torch.rand(2, 4, 1, 3, 3, generator=generator)
    plane = torch.rand(1, 3, 3, generator=generator)

    def linear(image):
        return (image * plane).sum((1, 2, 3))

    expected = (linear(fake).mean() - linear(real).mean() +
                2 * plane.square().sum()**3)
    torch.testing.assert_close(divergence_loss(linear, real, fake), expected)

    def bowl(image):  # its slope is the image: here both mixed are the same
        return image.square().sum((1, 2, 3)) / 2

    expected = 3 * real.flatten(1).norm(dim=1).pow(4).mean()
    torch.testing.assert_close(
        divergence_loss(bowl, real, real, weight=3., power=4.), expected)


@pytest.mark.parametrize('size', [None, (21, 16)])
def test_penalty_reaches_the_weights(size):
    torch.manual_seed(0)
    network = StridedDiscriminator(channels=(4, 6), size=size)
    real, fake = torch.rand(2, 3, 1, 21, 16)
    assert network(real).shape == (3, )
    divergence_loss(network, real, fake).backward()
    assert all(p.grad.isfinite().all() and p.grad.any()
               for name, p in network.named_parameters()
               if name != 'score.bias')


def test_one_size_alone():
    network = StridedDiscriminator(size=(16, 24))
    # TarDAL's: convolutions of stride 2 and a linear layer over all places
    assert network.score.in_features == 128 * 2 * 3
    with pytest.raises(ValueError, match=r'Expected images of \(16, 24\)'):
        network(torch.rand(1, 1, 16, 16))
