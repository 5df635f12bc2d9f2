"""Mask-DiFuser: sizes of the published network, sampling."""
import pytest
import torch

from mmfusion.models.fusers import MaskDiFuser
from mmfusion.models.fusers.mask_difuser.layers import ViewAttention

TINY = dict(width=32, multipliers=(1, 2), layers=1, num_steps=2)


def pair(batch=1, height=64, width=64):
    stacked = torch.rand(batch, 4, height, width,
                         generator=torch.Generator().manual_seed(0))
    return stacked[:, :3], stacked[:, 3:]


def build(**kwargs):
    torch.manual_seed(0)
    return MaskDiFuser(**{**TINY, **kwargs})


def count(module):
    return sum(p.numel() for p in module.parameters())


def test_published_sizes():
    with torch.device('meta'):
        fuser = MaskDiFuser()
    assert count(fuser.time_table) + count(fuser.time_mlp) == 456704
    assert count(fuser.content) == 419456
    assert count(fuser.semantic) == 3215712 - 593024  # one layer is unused
    assert count(fuser.proj_in) + count(fuser.head) == 149504
    assert count(fuser.tail) == 3715
    unet = fuser.unet
    for parts, millions in (((unet.down, unet.shrink), 49.5),
                            ((unet.middle, ), 26.0), ((unet.up, unet.grow),
                                                      92.6)):
        assert sum(map(count, parts)) / 1e6 == pytest.approx(
            millions, abs=0.06)
    assert (count(fuser) + 593024) / 1e6 == pytest.approx(172.33, abs=0.006)
    assert fuser.steps == [0, 200, 400, 600, 800]


def test_samples():
    fuser, (vis, ir) = build(), pair(2, 40, 50)
    output = fuser(vis, ir)
    assert output.fused.shape == (2, 3, 40, 50) and output.luma is None
    assert output.aux['content'].shape == (2, 64, 40, 50)
    assert torch.isfinite(output.fused).all()
    torch.testing.assert_close(fuser.train()(vis, ir).fused, output.fused)
    other = fuser(vis, ir, seeds=[1, 2]).fused
    assert not torch.allclose(other, output.fused, atol=1e-3)
    alone = fuser(vis[1:], ir[1:]).fused
    torch.testing.assert_close(alone, output.fused[1:], atol=1e-3, rtol=0)
    swapped = fuser(ir.expand(-1, 3, -1, -1), vis[:, :1]).fused
    assert not torch.allclose(swapped, output.fused, atol=1e-3)
    seen = []
    fuser(vis, ir, callback=lambda *args: seen.append(args))
    assert [index for index, _ in seen] == [0, 1]


def test_norm_and_chunks():
    vis, ir = pair()
    stretched = build()(vis, ir).fused
    assert stretched.aminmax() == pytest.approx((0, 1), abs=1e-6)
    padded = build(clip=(-9., 9.))(*pair(4, 17, 17)).fused  # to 32 x 32
    torch.testing.assert_close(padded.amin((1, 2, 3)), torch.zeros(4))
    torch.testing.assert_close(padded.amax((1, 2, 3)), torch.ones(4))
    assert build(norm='clamp', clip=(-0.5, 0.5))(vis, ir).fused.max() <= 0.75
    torch.testing.assert_close(
        build(query_chunk=100)(vis, ir).fused, stretched, atol=1e-3, rtol=0)
    whole, parts = ViewAttention(32, None), ViewAttention(32, 7)
    parts.load_state_dict(whole.state_dict())
    x, view = torch.randn(2, 32, 5, 6), torch.randn(2, 128, 2, 3)
    torch.testing.assert_close(parts(x, view), whole(x, view))
    for bad in (dict(width=40), dict(num_steps=0), dict(norm='none')):
        with pytest.raises(ValueError, match='MaskDiFuser: expected'):
            build(**bad)
