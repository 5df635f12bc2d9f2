"""LUT-Fuse: a table read 4-linearly. No fused image is published."""
import numpy as np
import pytest
import torch
from scipy.interpolate import RegularGridInterpolator

from mmfusion.models.fusers import LUTFuse
from tests.support.zoo import Golden, ZooMenu


def fused(fuser, rgb, vis, ir):
    return fuser(rgb, ir).fused


def looked_up(fuser, rgb, vis, ir):
    return fuser(rgb, ir).luma


class TestLUTFuse(ZooMenu):
    method, folder, kind = 'lutfuse', 'LUT-Fuse', 'LUTFuse'
    golden = (Golden('LUT-Fuse', '', dict(clamp=False), fused), )
    fills_raw = staticmethod(looked_up)
    fills = (-0.0002066, 0.0064863, -0.0098540, 0.0112530, -0.0214350,
             -0.0061719, -0.0106669, 0.0067513)


@torch.no_grad()
def test_look_up_is_linear_between_levels():
    fuser = LUTFuse(levels=6).double()
    fuser.table.copy_(torch.rand(6, 6, 6, 6, 1))
    values = torch.rand(2, 4, 5, 7, dtype=torch.float64) * 6 / 255 * 5
    values[0, :, 0, 0] = 5 * 6 / 255  # the last level
    grid = RegularGridInterpolator([np.arange(6)] * 4, fuser.table[...,
                                                                   0].numpy())
    expected = grid(values.permute(0, 2, 3, 1).numpy() * 255 / 6 - 1e-12)
    np.testing.assert_allclose(
        fuser.look_up(values)[:, 0].numpy(), expected, atol=1e-9)
    # beyond the last level it stays
    bright = fuser.look_up(torch.ones(1, 4, 1, 1, dtype=torch.float64))
    assert bright.item() == pytest.approx(fuser.table[-1, -1, -1, -1].item())


def test_untrained_table_is_the_mean():
    rgb, ir = torch.rand(1, 3, 8, 8) * 0.9, torch.rand(1, 1, 8, 8) * 0.9
    fuser = LUTFuse().eval()
    y, _ = fuser.split_colour(rgb)
    torch.testing.assert_close(fuser(rgb, ir).luma, (y + ir) / 2)


def test_gradients_reach_table_and_context():
    fuser = LUTFuse(channels=4)
    fuser(torch.rand(2, 3, 8, 8), torch.zeros(2, 1, 8,
                                              8)).fused.sum().backward()
    assert all(p.grad is not None for p in fuser.parameters())
    used = fuser.table.grad.abs().sum((0, 1, 2, 4)) > 0
    assert used[0] and not used[2:].any()  # infrared is zero
