"""LRRNet: published weights, soft thresholds below zero."""
import torch

from mmfusion.models.fusers import LRRNet
from tests.support.zoo import Golden, Published, ZooMenu

FILE = 'final_lrr_net_lam2_1.5_wir_3.0_lam3_gram_2000_epoch_4_block_4.model'


def raw(fuser, rgb, vis, ir):
    return fuser.fuse_luma(vis, ir)[1]['raw']


class TestLRRNet(ZooMenu):
    method, folder, kind = 'lrrnet', 'LRRNet', 'LRRNet'
    golden = (Golden('LRRNet', FILE, raw=raw), )
    published = (Published(('tno_11', ), FILE, mean=2e-4), )
    fills = (-3.7674429, 5.3198676, -0.3785512, -0.7069325, 5.2504015,
             -1.1095872, -5.2886424, -4.6108418)
    fills_raw = staticmethod(raw)


@torch.no_grad()
def test_thresholds_below_zero():
    decomposer = LRRNet(channels=1).vis_decomposer
    decomposer.threshold.copy_(torch.tensor([[0.5, -0.25]]))
    code = torch.tensor([-1., -0.4, 0., 0.4]).expand(1, 2, 1, 4)
    soft = decomposer._soft(code)[0, :, 0].tolist()
    assert soft == [[-0.5, 0, 0, 0], [-1.25, soft[1][1], 0, -soft[1][1]]]
    assert abs(soft[1][1] + 0.65) < 1e-6


@torch.no_grad()
def test_stretch():
    fuser = LRRNet(channels=2).eval()
    pair = torch.rand(2, 2, 1, 12, 12)
    fused, aux = fuser.fuse_luma(*pair)
    low, high = aux['raw'].amin((1, 2, 3)), aux['raw'].amax((1, 2, 3))
    torch.testing.assert_close(fused[1], (aux['raw'][1] - low[1]) /
                               (high[1] - low[1] + 1e-5))
    plain, aux = LRRNet(channels=2, stretch=False).fuse_luma(*pair)
    assert plain is aux['raw']
