"""U2Fusion: new maps in front of old ones, and sources in either order."""
import torch

from mmfusion.models.fusers import U2Fusion
from tests.support.zoo import Golden, Published, ZooMenu

FILE = 'model.ckpt.index'


class TestU2Fusion(ZooMenu):
    method, folder, kind = 'u2fusion', 'U2Fusion', 'U2Fusion'
    golden = (Golden('U2Fusion', FILE), )
    published = (Published(('vif_36', ), FILE), )
    fills = (0.4806904, 0.0273266, 0.5405434, 0.5292851, 0.4687688, 0.4842986,
             0.4648059, 0.4234676)


def test_new_maps_come_first():
    dense = U2Fusion(width=2).dense
    x = torch.rand(1, 2, 8, 8)
    first = dense[0](x)
    second = dense[1](torch.cat((first, x), 1))
    torch.testing.assert_close(
        dense(x)[:, -6:],
        torch.cat((second, first, x), 1)[:, -6:])


def test_order_is_drawn_in_training():
    torch.manual_seed(0)
    fuser = U2Fusion(width=2, random_order=True)
    assert sum(p.numel() for p in U2Fusion().parameters()) == 659217
    vis, ir = torch.rand(2, 1, 1, 8, 8)

    def outputs(one, two):
        return {fuser.fuse_luma(one, two).sum().item() for _ in range(20)}

    assert outputs(vis, ir) == outputs(ir, vis) and len(outputs(vis, ir)) == 2
    fuser.eval()
    assert len(outputs(vis, ir)) == 1
    assert outputs(vis, ir) != outputs(ir, vis)
