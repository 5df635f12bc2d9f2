"""The default fuser: what it does by construction, trained or not."""
import pytest
import torch
from torch import nn

from mmfusion.models.fusers import WeightedPyramidFuser


def fuser(channels=(4, 4, 4), trained=False):
    torch.manual_seed(0)
    net = WeightedPyramidFuser(channels).eval()
    if trained:
        for stage in net.stages:
            nn.init.normal_(stage.head.weight, std=1.)
    return net


@torch.no_grad()
def test_untrained_bands_are_added_and_bases_averaged():
    """Beside a flat image the other one's detail is kept as it is."""
    flat = torch.full((1, 1, 32, 32), .4)
    checks = (torch.arange(32) % 2).float().expand(1, 1, 32, 32) * .2 + .3
    fused = fuser()(flat.expand(-1, 3, -1, -1), checks).luma
    torch.testing.assert_close(fused, checks)
    both = fuser()(checks.expand(-1, 3, -1, -1), checks).luma
    torch.testing.assert_close(both - .4, 2 * (checks - .4))


@torch.no_grad()
def test_what_is_far_away_does_not_matter():
    """A tile gives what the whole image gives: no global statistics."""
    net = fuser(trained=True)
    vis, ir = torch.rand(1, 3, 32, 160), torch.rand(1, 1, 32, 160)
    whole = net(vis, ir).fused
    tile = net(vis[..., :128], ir[..., :128]).fused
    torch.testing.assert_close(tile[..., :80], whole[..., :80])
    assert not torch.equal(tile[..., 100:], whole[..., 100:128])


@torch.no_grad()
def test_values_are_bounded_but_while_training():
    net = fuser()
    bright = torch.rand(1, 3, 16, 16).round()
    assert net(bright, bright[:, :1]).luma.min() >= 0
    assert net(bright, bright[:, :1]).luma.max() <= 1
    assert net.train()(bright, bright[:, :1]).luma.max() > 1


def test_depth_is_the_number_of_widths():
    assert fuser((4, 8, 8)).size_divisor == 8
    with pytest.raises(ValueError, match='two levels'):
        WeightedPyramidFuser((8, ))
