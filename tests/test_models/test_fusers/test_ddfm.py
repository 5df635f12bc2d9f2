"""DDFM: EM's golden numbers, the sampler's properties, denoisers."""
import sys
import types

import numpy as np
import pytest
import torch

from mmfusion.models.fusers import DDFM, ADMUNet
from mmfusion.models.fusers.ddfm.em import EMState, em_iteration
from mmfusion.models.layers.diffusion import (clean_estimate,
                                              cumulative_alphas, ddim_step,
                                              respaced_steps, tiled)
from mmfusion.registry import MODELS

TINY = dict(type='ADMUNet', channels=32, multipliers=(1, 2), num_blocks=1,
            attention=(2, ))
PRIOR = dict(type='GaussianPriorDenoiser')


def build(**kwargs):
    torch.manual_seed(0)
    return DDFM(**{'denoiser': PRIOR, 'num_steps': 20, **kwargs})


def pair(height=64, width=64, batch=1):
    generator = torch.Generator().manual_seed(0)
    coarse = torch.rand(batch, 4, 8, 8, generator=generator)
    smooth = torch.nn.functional.interpolate(coarse, (height, width),
                                             mode='bicubic').clamp(0, 1)
    return smooth[:, :3], smooth[:, 3:]


def test_golden_iterations():
    """The released code's numbers, roles not swapped."""
    r, c = torch.meshgrid(torch.arange(8), torch.arange(12), indexing='ij')
    i, v = (x.double()[None, None] for x in (((3 * r + 5 * c) % 17) / 8 - 1,
                                             ((7 * r + 2 * c) % 13) / 6 - 1))
    f = (i + v) / 2 + 0.1 * torch.sin((r + c).double())
    state = EMState.start(f)
    expected = [(0.733116, 0.743242, -0.011204, 0.470832, -0.682243),
                (0.571145, 0.570474, -0.007920, 0.473705, -0.483062),
                (0.459235, 0.462669, -0.008575, 0.471190, -0.683699)]
    for row in expected:
        f, state = em_iteration(f, i, v, state)
        got = [
            float(x)
            for x in (state.gamma, state.rho, f.mean(), f.std(), f[0, 0, 3, 5])
        ]
        assert got == pytest.approx(row, abs=2e-6)


def test_schedule():
    steps = respaced_steps(100, 1000)
    assert list(steps[:3]) == [0, 10, 20] and list(steps[-2:]) == [989, 999]
    assert len(set(steps)) == 100
    alphas = cumulative_alphas()[steps]
    assert alphas[[0, 50, 99]] == pytest.approx([0.9999, 0.0739391, 4.0358e-5],
                                                rel=1e-4)
    for kind in ('scaled_linear', 'cosine'):
        other = cumulative_alphas(kind)
        assert np.all(np.diff(other) < 0) and 0 < other[-1] < other[0] < 1
    with pytest.raises(ValueError, match='schedule'):
        cumulative_alphas('square')
    with pytest.raises(ValueError, match='1 to 10 steps'):
        respaced_steps(11, 10)


@pytest.mark.parametrize('prediction', ['epsilon', 'v', 'x0'])
def test_predictions_mean_the_same(prediction):
    """A perfect denoiser leads from any noise to the image."""
    image, noise = torch.randn(2, 2, 3, 8, 8).double()
    alpha, before = 0.3, 0.7
    x = alpha**0.5 * image + (1 - alpha)**0.5 * noise
    output = dict(epsilon=noise, x0=image,
                  v=alpha**0.5 * noise - (1 - alpha)**0.5 * image)[prediction]
    clean = clean_estimate(x, output, alpha, prediction)
    torch.testing.assert_close(clean, image)
    torch.testing.assert_close(ddim_step(x, clean, alpha, before),
                               before**0.5 * image + (1 - before)**0.5 * noise)
    torch.testing.assert_close(ddim_step(x, clean, alpha, 1.), image)


def test_published_unet():
    with torch.device('meta'):
        full = ADMUNet()
    assert len(full.state_dict()) == 566
    assert sum(p.numel()
               for p in full.parameters()) == pytest.approx(552.8e6, rel=1e-4)
    assert {key.partition('.')[0] for key in full.state_dict()} == {
        'time_embed', 'input_blocks', 'middle_block', 'output_blocks', 'out'
    }


def test_tiny_unet(tmp_path):
    unet = MODELS.build(TINY)
    assert len(unet.state_dict()) == 144
    assert sum(p.numel() for p in unet.parameters()) == 828358
    path = tmp_path / 'unet.pt'
    torch.save(unet.state_dict(), path)
    again = MODELS.build(dict(TINY, checkpoint=str(path)))
    x, t = torch.randn(1, 3, 64, 64), torch.tensor([500])
    torch.testing.assert_close(unet(x, t), again(x, t))
    assert unet(x, t).shape == (1, 6, 64, 64)
    assert not torch.allclose(unet(x, t), unet(x, t // 2))
    with pytest.raises(ValueError, match='of these widths'):
        MODELS.build(dict(TINY, channels=64, checkpoint=str(path)))


def test_tiny_sampler():
    fuser, (vis, ir) = build(denoiser=TINY, num_steps=10), pair()
    output = fuser(vis, ir)
    assert output.fused.shape == (1, 3, 64, 64)
    assert torch.isfinite(output.fused).all()
    assert output.luma.aminmax() == pytest.approx((0, 1), abs=1e-6)
    torch.testing.assert_close(fuser(vis, ir).luma, output.luma)
    other = fuser(vis, ir, seeds=[1]).luma
    assert not torch.allclose(other, output.luma, atol=1e-3)


def test_padding_is_not_stretched():
    vis, ir = pair(36, 50, 4)  # padded to 64 x 64
    luma = build(denoiser=TINY, num_steps=2)(vis, ir, seeds=range(4)).luma
    assert luma.shape[-2:] == (36, 50)
    torch.testing.assert_close(luma.amin((1, 2, 3)), torch.zeros(4))
    torch.testing.assert_close(luma.amax((1, 2, 3)), torch.ones(4))


@pytest.mark.parametrize('variant', ['release', 'consistent'])
def test_equal_sources_come_back(variant):
    _, ir = pair(128, 128)
    vis = ir.expand(-1, 3, -1, -1)
    same = build(norm='clamp', em=dict(variant=variant))(vis, ir).luma
    torch.testing.assert_close(same, ir, atol=1e-5, rtol=0)


def test_variants_differ():
    one, two = (build(norm='clamp', em=dict(variant=variant))(*pair()).luma
                for variant in ('release', 'consistent'))
    assert (one - two).abs().mean() > 0.01


@pytest.mark.parametrize('variant', ['release', 'consistent'])
def test_between_the_sources(variant):
    vis, ir = pair(128, 128)
    fuser = build(norm='clamp', num_steps=50, em=dict(variant=variant))
    luma = fuser(vis, ir).luma
    y = fuser.split_colour(vis)[0]
    low, high = torch.minimum(y, ir) - 0.025, torch.maximum(y, ir) + 0.025
    inside = ((luma >= low) & (luma <= high)).float().mean()
    assert inside > 0.999


@pytest.mark.parametrize(
    'options',
    [dict(), dict(eta=0.5),
     dict(denoiser=TINY, num_steps=3)])
def test_batch_changes_nothing(options):
    fuser, (vis, ir) = build(**options), pair(batch=3)
    together = fuser(vis, ir, seeds=[5, 6, 7]).luma
    alone = torch.cat([
        fuser(vis[n:n + 1], ir[n:n + 1], seeds=[5 + n]).luma for n in range(3)
    ])
    torch.testing.assert_close(together, alone, atol=1e-4, rtol=0)


def test_options():
    vis, ir = pair()
    plain = build(em=dict(variant='consistent'))(vis, ir).luma
    for change in (dict(start_step=300), dict(prediction='x0'),
                   dict(luma='skimage_release'), dict(clip_denoised=False),
                   dict(schedule=dict(type='cosine')),
                   dict(em=dict(variant='consistent', swap_roles=True)),
                   dict(em=dict(variant='consistent', iters=2))):
        options = {'em': dict(variant='consistent'), **change}
        luma = build(**options)(vis, ir).luma
        assert torch.isfinite(luma).all()
        assert not torch.allclose(luma, plain), change
    assert len(build(start_step=300).steps) < 20
    seen = []
    build()(vis, ir, callback=lambda *args: seen.append(args))
    assert [index for index, _ in seen] == list(range(20))
    assert seen[0][1].shape == (1, 1, 64, 64)
    # chrominance is the visible image's
    fuser = build(clamp=False)
    output = fuser(vis, ir)
    torch.testing.assert_close(
        fuser.split_colour(output.fused)[1],
        fuser.split_colour(vis)[1], atol=2e-3, rtol=0)
    for bad in (dict(norm='none'), dict(em=dict(variant='third')),
                dict(em=dict(steps=3)), dict(tile=(40, 8)),
                dict(start_step=1000), dict(prediction='noise')):
        with pytest.raises(ValueError, match='DDFM: expected'):
            build(**bad)


def test_tiles():
    """Tiles of a pointwise function leave no seam."""
    x = torch.randn(2, 3, 100, 130)
    for size, overlap in ((64, 16), (32, 0), (256, 32)):
        torch.testing.assert_close(tiled(lambda p: 2 * p, x, size, overlap),
                                   2 * x)
    with pytest.raises(ValueError, match='overlap'):
        tiled(torch.abs, x, 32, 17)
    vis, ir = pair(96, 160)
    whole, parts = (build(denoiser=TINY, num_steps=2, tile=tile)(vis, ir)
                    for tile in (None, (64, 16)))
    assert parts.luma.shape == whole.luma.shape
    assert not torch.allclose(parts.luma, whole.luma)


def grey_denoiser(x, t):
    assert x.shape[1] == 1 and t.dtype == torch.long
    return torch.zeros_like(x)


def test_adaptors(monkeypatch):
    fuser = build(denoiser=dict(type='CallableDenoiser',
                                function=grey_denoiser, image_channels=1))
    assert torch.isfinite(fuser(*pair()).luma).all()
    named = MODELS.build(dict(type='CallableDenoiser', function='torch.add'))
    assert named.function is torch.add
    with pytest.raises(ValueError, match='expected a function'):
        MODELS.build(dict(type='CallableDenoiser', function=3))

    class UNet2DModel(torch.nn.Module):
        config = types.SimpleNamespace(in_channels=3)

        @classmethod
        def from_pretrained(cls, folder, subfolder, local_files_only):
            assert (folder, subfolder, local_files_only) == ('a', 'unet', True)
            return cls()

        def forward(self, x, t):
            return types.SimpleNamespace(sample=0.5 * x)

    cfg = dict(type='DiffusersUNetAdapter', folder='a', subfolder='unet')
    monkeypatch.setitem(sys.modules, 'diffusers', None)
    with pytest.raises(ImportError, match='pip install diffusers'):
        MODELS.build(cfg)
    monkeypatch.setitem(sys.modules, 'diffusers',
                        types.SimpleNamespace(UNet2DModel=UNet2DModel))
    assert torch.isfinite(build(denoiser=cfg)(*pair()).luma).all()
