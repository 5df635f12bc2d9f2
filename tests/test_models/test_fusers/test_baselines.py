"""Fusion rules without parameters."""
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


@pytest.mark.parametrize('config', [
    dict(type='SelectModality'),
    dict(type='AverageFuser'),
])
def test_no_parameters_and_gradients_pass(pair, config):
    fuser = MODELS.build(config)
    assert not list(fuser.parameters()) and not fuser.state_dict()
    vis, ir = pair
    vis.requires_grad_()
    fuser(vis, ir).fused.sum().backward()
    assert vis.grad.abs().sum() > 0
    fast = fuser.optimize_for_inference()(*pair).fused
    assert torch.equal(fast, fuser(*pair).fused)


@pytest.mark.parametrize('config', [
    dict(type='SelectModality', modality='thermal'),
    dict(type='AverageFuser', weights=(1, 1)),
    dict(type='AverageFuser', weights=(1.5, -0.5)),
    dict(type='AverageFuser', weights=(1, )),
])
def test_bad_arguments(config):
    with pytest.raises(ValueError, match='Expected .* got'):
        MODELS.build(config)
