"""Fusion rules without parameters."""
import numpy as np
import pytest
import torch

from mmfusion.models.layers import luma
from mmfusion.registry import MODELS


@pytest.fixture
def pair():
    generator = torch.Generator().manual_seed(0)
    # Muted colours: no channel leaves [0, 1] when the luminance changes.
    vis = 0.4 + 0.2 * torch.rand(2, 3, 5, 7, generator=generator)
    return vis, 0.4 + 0.2 * torch.rand(2, 1, 5, 7, generator=generator)


def test_select_modality_is_exact(pair):
    vis, ir = pair
    seen = MODELS.build(dict(type='SelectModality', modality='vis'))(*pair)
    heat = MODELS.build(dict(type='SelectModality', modality='ir'))(*pair)
    assert torch.equal(seen.fused, vis)
    assert torch.allclose(seen.luma, luma(vis))
    assert torch.equal(heat.fused, ir.repeat(1, 3, 1, 1))
    assert torch.equal(heat.luma, ir)


@pytest.mark.parametrize('weights', [(0.5, 0.5), (1, 0), (0.2, 0.8)])
def test_average_mixes_luminances_and_keeps_colour(pair, weights):
    vis, ir = pair
    output = MODELS.build(dict(type='AverageFuser', weights=weights))(*pair)
    expected = weights[0] * luma(vis) + weights[1] * ir
    assert torch.allclose(output.luma, expected)
    # The rounded BT.601 matrices return what went in up to 1e-3.
    assert torch.allclose(luma(output.fused), expected, atol=1e-3)
    chroma = output.fused - luma(output.fused)
    assert torch.allclose(chroma, vis - luma(vis), atol=1e-3)


def test_maximum_takes_the_brighter(pair):
    vis, ir = pair
    output = MODELS.build(dict(type='MaximumFuser'))(*pair)
    torch.testing.assert_close(output.luma, torch.maximum(luma(vis), ir))


def filter_slowly(image, kernel):
    """Correlation with the replicated border, pixel by pixel."""
    radius = len(kernel) // 2
    padded = np.pad(image, radius, mode='edge')
    return np.array([[
        (padded[y:y + len(kernel), x:x + len(kernel)] * kernel).sum()
        for x in range(image.shape[1])
    ] for y in range(image.shape[0])])


def mean_slowly(image, radius):
    """Mean of the existing pixels of a window."""
    return np.array([[
        image[max(y - radius, 0):y + radius + 1,
              max(x - radius, 0):x + radius + 1].mean()
        for x in range(image.shape[1])
    ] for y in range(image.shape[0])])


class TestLaplacianPyramid:

    def build(self, **kwargs):
        return MODELS.build(dict(type='LaplacianPyramidFuser', **kwargs))

    @pytest.mark.parametrize('size', [(1, 1), (2, 9), (37, 52)])
    def test_an_image_fused_with_itself_stays(self, size):
        image = torch.rand(1, 1, *size).double()
        fused = self.build().fuse_luma(image, image)
        torch.testing.assert_close(fused, image)

    def test_flat_images_give_their_mean(self):
        vis, ir = torch.full((1, 1, 21, 30), 0.2), torch.full((1, 1, 21, 30),
                                                              0.6)
        fused = self.build().fuse_luma(vis, ir)
        torch.testing.assert_close(fused, torch.full_like(vis, 0.4))

    def test_reduce_and_expand_as_defined(self):
        """Burt & Adelson's equations 1 and 2, away from the border."""
        fuser, image = self.build(), torch.rand(1, 1, 13, 18).double()
        weights = np.array([0.05, 0.25, 0.4, 0.25, 0.05])
        kernel = np.outer(weights, weights)
        smaller = filter_slowly(image[0, 0].numpy(), kernel)[::2, ::2]
        np.testing.assert_allclose(fuser.reduce(image)[0, 0], smaller)
        sparse = np.zeros((14, 18))
        sparse[::2, ::2] = smaller
        expected = 4 * filter_slowly(sparse, kernel)[2:-4, 2:-4]
        got = fuser.expand(torch.from_numpy(smaller)[None, None], (13, 18))
        np.testing.assert_allclose(got[0, 0, 2:-3, 2:-4], expected)

    def test_takes_the_stronger_detail(self):
        """A spot in either source survives at its full contrast."""
        vis, ir = torch.full((1, 1, 32, 32), 0.5), torch.full((1, 1, 32, 32),
                                                              0.5)
        vis[..., 8, 8], ir[..., 24, 20] = 0.9, 0.1
        fused = self.build().fuse_luma(vis, ir)
        assert fused[..., 8, 8] > 0.85 and fused[..., 24, 20] < 0.15


class TestGuidedFilter:

    def build(self, **kwargs):
        return MODELS.build(dict(type='GuidedFilterFuser', **kwargs))

    def test_equals_the_definition(self):
        """The paper's equations, window by window in NumPy."""
        rng = np.random.RandomState(0)
        images = [rng.rand(20, 26), 0.3 * rng.rand(20, 26)]
        steps = np.arange(-5, 6)
        gauss = np.exp(-steps**2 / 50)
        gauss = np.outer(gauss, gauss) / gauss.sum()**2
        laplace = np.array([[0, 1, 0], [1, -4, 1], [0, 1, 0]])
        saliency = [
            filter_slowly(np.abs(filter_slowly(image, laplace)), gauss)
            for image in images
        ]
        expected = 0
        for scale, (radius, epsilon) in enumerate(((45, 0.3), (7, 1e-6))):
            layers, weights = [], []
            for guide, own in zip(images, saliency, strict=True):
                mask = (own == np.maximum(*saliency)).astype(float)
                base = mean_slowly(guide, 15)
                layers.append(guide - base if scale else base)
                mean, mask_mean = (mean_slowly(x, radius)
                                   for x in (guide, mask))
                slope = (mean_slowly(guide * mask, radius) -
                         mean * mask_mean) / (mean_slowly(guide**2, radius) -
                                              mean**2 + epsilon)
                offset = mask_mean - slope * mean
                weights.append(
                    mean_slowly(slope, radius) * guide +
                    mean_slowly(offset, radius))
            weights = np.clip(weights, 0, None) + 1e-6
            expected = expected + (weights / weights.sum(0) * layers).sum(0)
        got = self.build(clamp=False).fuse_luma(*(torch.from_numpy(image)[None,
                                                                          None]
                                                  for image in images))
        np.testing.assert_allclose(got[0, 0], expected, atol=1e-9)

    def test_an_image_fused_with_itself_stays(self):
        image = torch.rand(2, 1, 30, 41)
        torch.testing.assert_close(self.build().fuse_luma(image, image), image)

    def test_flat_images_give_their_mean(self):
        vis, ir = torch.full((1, 1, 21, 30), 0.2), torch.full((1, 1, 21, 30),
                                                              0.7)
        fused = self.build().fuse_luma(vis, ir)
        torch.testing.assert_close(fused, torch.full_like(vis, 0.45))

    def test_follows_the_salient_source(self):
        """Texture wins over a flat source, on its own side only."""
        vis, ir = torch.full((1, 1, 64, 128), 0.5), torch.full((1, 1, 64, 128),
                                                               0.5)
        texture = 0.5 + 0.3 * (torch.rand(64, 64) - 0.5)
        vis[0, 0, :, :64], ir[0, 0, :, 64:] = texture, texture
        fused = self.build().fuse_luma(vis, ir)[0, 0]
        for first in (0, 64):
            difference = (fused[:, first:first + 64] - texture).abs()
            assert difference[:, 12:-12].mean() < 0.02


@pytest.mark.parametrize('config', [
    dict(type='SelectModality'),
    dict(type='AverageFuser'),
    dict(type='MaximumFuser'),
    dict(type='LaplacianPyramidFuser'),
    dict(type='GuidedFilterFuser'),
])
def test_no_parameters_and_gradients_pass(pair, config):
    fuser = MODELS.build(config)
    assert not list(fuser.parameters()) and not fuser.state_dict()
    vis, ir = pair
    vis.requires_grad_()
    fuser(vis, ir).fused.sum().backward()
    assert vis.grad.abs().sum() > 0
    fast = fuser.optimize_for_inference()(*pair).fused
    torch.testing.assert_close(fast, fuser(*pair).fused)


@pytest.mark.parametrize('config', [
    dict(type='SelectModality', modality='thermal'),
    dict(type='AverageFuser', weights=(1, 1)),
    dict(type='AverageFuser', weights=(1.5, -0.5)),
    dict(type='AverageFuser', weights=(1, )),
    dict(type='LaplacianPyramidFuser', levels=0),
    dict(type='GuidedFilterFuser', radii=(45, 0)),
    dict(type='GuidedFilterFuser', regularization=(0.3, 0)),
])
def test_bad_arguments(config):
    with pytest.raises(ValueError, match='Expected .* got'):
        MODELS.build(config)
