"""Losses against a teacher's image and features."""
import pytest
import torch

from mmfusion.registry import MODELS

FEATURES = dict(type='VGGFeatures', depth=16, width=0.1, allow_random=True,
                normalize=True, taps=('relu1_2', 'relu2_2'))
DISTANCES = ('l1', 'mse', 'smooth_l1', 'ssim', 'laplacian', 'sobel',
             'sobel_magnitude', 'normalized', 'cosine')


def distance(name, **kwargs):
    return MODELS.build(dict(type='DistanceLoss', distance=name, **kwargs))


@pytest.mark.parametrize('name', DISTANCES)
def test_equal_images_have_none(name):
    image = torch.rand(2, 3, 24, 24, dtype=torch.float64)
    assert distance(name)(image, image.clone()) == pytest.approx(0, abs=1e-9)
    other = torch.rand_like(image)
    assert distance(name)(image, other) > 0
    twice = distance(name, loss_weight=2.)(image, other)
    torch.testing.assert_close(twice, 2 * distance(name)(image, other))


@pytest.mark.parametrize('name', DISTANCES)
def test_autocast_changes_nothing(name):
    torch.manual_seed(0)
    image = torch.rand(2, 3, 24, 24)
    other = image + 0.01 * torch.randn_like(image)
    loss = distance(name)
    expected = loss(image, other)
    with torch.autocast('cpu', torch.bfloat16):
        torch.testing.assert_close(loss(image, other), expected)


def test_gradients_by_hand():
    """Ramps of slopes 1 and -1; a 3x3 Sobel kernel multiplies by 8."""
    ramp = torch.arange(12.).expand(1, 1, 12, 12) / 12
    inner = torch.zeros(1, 1, 12, 12)
    inner[..., 1:-1, 1:-1] = 1
    from mmfusion.models.layers import sobel
    along, down = sobel(ramp)
    assert torch.allclose(along[..., 5, 5], torch.tensor(8 / 12))
    back = ramp.flip(-1)
    components = distance('sobel')(ramp, back)
    expected = sum((a - b).abs().mean()
                   for a, b in zip(sobel(ramp), sobel(back), strict=True))
    torch.testing.assert_close(components, expected)
    # magnitudes cannot tell both ramps apart inside
    difference = [(sum(p.abs() for p in sobel(ramp)) -
                   sum(p.abs() for p in sobel(back)))[..., 2:-2, 2:-2]]
    torch.testing.assert_close(difference[0], torch.zeros_like(difference[0]))
    assert distance('sobel_magnitude')(ramp, back) < components


def test_normalized_ignores_length():
    one = torch.rand(1, 4, 5, 5)
    assert distance('normalized')(one, 7 * one) < 1e-12
    opposite = distance('normalized')(one, -one)
    torch.testing.assert_close(opposite, torch.tensor(4 / 4.))


def test_perceptual_distance():
    loss = MODELS.build(
        dict(type='PerceptualDistance', features=FEATURES,
             taps=('relu1_2', 'relu2_2'), loss_weight=0.5))
    assert not list(loss.parameters())
    one = torch.rand(1, 3, 16, 16, requires_grad=True)
    two = torch.rand(1, 3, 16, 16)
    assert loss(two, two) < 1e-9
    value = loss(one, two)
    features, = loss._features
    expected = sum((features(one)[tap] - features(two)[tap]).square().mean()
                   for tap in ('relu1_2', 'relu2_2'))
    torch.testing.assert_close(value, 0.5 * expected)
    value.backward()
    assert one.grad.abs().sum() > 0
    with pytest.raises(ValueError, match='expected weights, got none'):
        MODELS.build(
            dict(type='PerceptualDistance', features=dict(type='VGGFeatures')))
