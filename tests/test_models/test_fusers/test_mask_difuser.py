"""Mask-DiFuser: sizes and output of the published network, sampling."""
import json
import runpy

import numpy as np
import pytest
import torch

from mmfusion.models.fusers import MaskDiFuser
from mmfusion.models.fusers.mask_difuser.layers import (ViewAttention,
                                                        step_table)

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


@torch.no_grad()
def test_network_of_the_authors(converter, oracle):
    """Names of their file, and one output for weights made from them."""
    folder = oracle / 'mask_difuser'
    if not folder.is_dir():
        pytest.skip(f'nothing there: {folder}')
    made = runpy.run_path(str(folder / 'fill.py'))
    golden = np.load(folder / 'dev.npz')
    table, = converter.MAPPINGS['mask_difuser']
    shapes = {
        name: tuple(shape)
        for name, shape in json.loads((folder /
                                       'keys.json').read_text()).items()
    }
    assert table.reference_shapes() == shapes
    with torch.device('meta'):
        fuser = MaskDiFuser()
    theirs = {
        name: torch.from_numpy(value)
        for name, value in made['fill'](shapes).items()
    }
    theirs['time_embedding.timembedding.0.weight'] = step_table(1000, 128)
    theirs.update({name: theirs[kept] for name, kept in table.copies.items()})
    ours = converter.convert(
        {
            f'module.{name}': value for name, value in theirs.items()
        }, table)
    assert set(ours['meta']['unused']) == set(table.unused)
    fuser.load_state_dict(
        {
            key[6:]: value for key, value in ours['state_dict'].items()
        }, assign=True)
    vis, ir = made['scene'](64, 96, 7)
    vis = torch.from_numpy(vis).permute(2, 0, 1)[None] / 255
    ir = torch.from_numpy(ir)[None, None] / 255
    noisy = torch.from_numpy(
        np.random.RandomState(8).standard_normal((1, 3, 64, 96))).float()
    got = fuser.predict_noise(vis, ir, noisy, 400)[0].numpy()
    assert np.abs(got - golden['eps']).max() < 1e-4 * golden['eps'].std()
    back = converter.revert(ours, table)['state_dict']
    assert back.keys() == theirs.keys()
    for name, value in theirs.items():
        assert back[name].data_ptr() == value.data_ptr(), name
    theirs['conbine.0.bias'] = theirs['conbine.0.bias'] + 1
    with pytest.raises(ValueError, match=r'conbine\.0\.bias to hold what'):
        converter.convert(theirs, table)


def test_prediction_of_noise():
    fuser, (vis, ir) = build(), pair(2)
    noisy = torch.randn(2, 3, 64, 64)
    both = fuser.predict_noise(vis, ir, noisy, [7, 900])
    alone = fuser.predict_noise(vis[1:], ir[1:], noisy[1:], 900)
    torch.testing.assert_close(both[1:], alone, atol=1e-3, rtol=1e-3)
    for step in (-1, 1000):
        with pytest.raises(ValueError, match=r'steps in \[0, 1000\)'):
            fuser.predict_noise(vis, ir, noisy, step)
    with pytest.raises(ValueError, match=r'multiples of 16, got \(40, 64\)'):
        fuser.predict_noise(vis[..., :40, :], ir[..., :40, :],
                            noisy[..., :40, :], 1)
