"""FILMFusion: golden numbers, the plain transcription, and its text."""
import pytest
import torch
import torch.nn.functional as F
from mmengine.config import Config

from mmfusion.analysis.complexity import count_flops
from mmfusion.apis.fused_image import to_uint8
from mmfusion.models.fusers import FILMFusion
from mmfusion.models.fusers.film.layers import nearest_indices
from mmfusion.registry import MODELS
from tests.support.film_cases import GRID, film, golden_state, naive_film
from tests.support.references.film import reference_input, reference_shapes

# (B, H, W, L) -> mean, std; values of the last image
GOLDEN = {
    (1, 64, 80, 149): ((0.485414081, 0.265271830), {
        (0, 0): 0.312895296,
        (32, 40): 0.528119685,
        (63, 79): 0.671176479,
        (3, 78): 0.073301697
    }),
    (2, 37, 53, 5): ((0.496883303, 0.267562448), {
        (0, 0): 0.080248014,
        (18, 26): 0.848025867,
        (36, 52): 0.659711482,
        (3, 51): 0.015141996
    }),
}
# mean and std of both branches after the first stage
FIRST_STAGE = {
    (1, 64, 80, 149): ((0.369670358, 0.770780104), (0.253743096, 0.528742203)),
    (2, 37, 53, 5): ((0.368573179, 0.765364643), (0.249712579, 0.519026501)),
}
SMALL = dict(channels=8, token_dim=16, token_channels=4, text_channels=12,
             num_heads=2, token_grid=(20, 26))


def statistics(x):
    return x.mean().item(), x.std(unbiased=False).item()


@pytest.fixture(scope='module')
def state():
    state = golden_state()
    assert len(state) == 189
    assert state['conv1.weight'].flatten()[:3].tolist() == pytest.approx(
        (-0.1358058, -0.1120081, -0.0382874), abs=1e-7)
    return state


@pytest.fixture(scope='module')
def fuser(state):
    """The golden weights on a small token grid."""
    return film(state, token_grid=GRID)


def test_size():
    fuser = MODELS.build(dict(type='FILMFusion'))
    parameters = list(fuser.parameters())
    assert sum(p.numel() for p in parameters) == 2_070_235
    assert all(p.requires_grad for p in parameters)
    assert len(fuser.state_dict()) == 189
    # PyTorch's initial attention, as the authors leave it
    gate = fuser.vis_stages[0].gate
    bound = (6 / (256 + 768))**0.5
    assert 0.99 * bound < gate.in_proj.weight.abs().max() <= bound
    assert not gate.in_proj.bias.any() and not gate.out_proj.bias.any()


@pytest.mark.parametrize('case', GOLDEN)
@torch.inference_mode()
def test_golden(state, case):
    (mean, std), values = GOLDEN[case]
    batch, height, width, length = case
    fuser = film(state).double()
    first = {}
    for name in ('ir', 'vis'):
        getattr(fuser, f'{name}_stages')[0].register_forward_hook(
            lambda _, __, out, name=name: first.update({name: out}))
    inputs = {
        key: value.double() for key, value in reference_input(
            batch, height, width, length).items()
    }
    fused = fuser.fuse_luma(**inputs)
    assert fused.shape == (batch, 1, height, width)
    assert statistics(fused) == pytest.approx((mean, std), abs=1e-8)
    for (y, x), value in values.items():
        assert fused[-1, 0, y, x].item() == pytest.approx(value, abs=1e-8)
    for name, expected in zip(('ir', 'vis'), FIRST_STAGE[case], strict=True):
        assert statistics(first[name]) == pytest.approx(expected, abs=1e-8)
    if case == (1, 64, 80, 149):
        assert first['ir'][0, 5, 1,
                           2].item() == pytest.approx(1.508634719, abs=1e-8)
        assert first['vis'][0, 31, 1,
                            2].item() == pytest.approx(-0.119585145, abs=1e-8)
        text = F.linear(inputs['text'], fuser.text_proj.weight[..., 0],
                        fuser.text_proj.bias)
        assert statistics(text) == pytest.approx((-0.009558, 1.002103),
                                                 abs=1e-6)


@pytest.mark.parametrize('with_cp', [False, True])
def test_gradients_equal_the_transcription(state, monkeypatch, with_cp):
    """Of both a larger and a smaller image than the token grid."""
    from mappings.film import film_key

    from benchmarks.naive.film import Stage
    monkeypatch.setattr(Stage, 'grid', GRID)
    naive = naive_film(state).double()
    fuser = film(state, token_grid=GRID, with_cp=with_cp).double()
    for size in ((20, 24), (50, 45)):
        inputs = [
            x.double().requires_grad_()
            for x in reference_input(2, *size, 6).values()
        ]
        target = torch.rand(2, 1, *size, dtype=torch.float64)
        gradients = []
        for network, order in ((naive, (0, 1, 2)), (fuser.fuse_luma, (1, 0,
                                                                      2))):
            fused = network(*(inputs[i] for i in order))
            F.mse_loss(fused, target).backward()
            gradients.append([x.grad for x in inputs])
            for x in inputs:
                x.grad = None
        for got, expected in zip(*gradients, strict=True):
            torch.testing.assert_close(got, expected, atol=1e-12, rtol=1e-6)
        theirs = dict(naive.named_parameters())
        for key, parameter in fuser.named_parameters():
            torch.testing.assert_close(parameter.grad,
                                       theirs[film_key(key)].grad, atol=1e-12,
                                       rtol=1e-6)
        fuser.zero_grad()
        naive.zero_grad()


@pytest.mark.parametrize('optimized', [False, True])
@torch.inference_mode()
def test_texts_of_different_lengths(fuser, optimized):
    """A masked batch equals its images one by one."""
    fuser = fuser.optimize_for_inference() if optimized else fuser
    vis, ir = torch.rand(3, 3, 30, 40), torch.rand(3, 1, 30, 40)
    lengths = (3, 9, 1)
    texts = [torch.randn(1, length, 768) for length in lengths]
    batch = torch.full((3, 9, 768), torch.nan)  # padding is not read
    mask = torch.zeros(3, 9, dtype=torch.bool)
    for i, text in enumerate(texts):
        batch[i, :text.shape[1]] = text
        mask[i, :text.shape[1]] = True
    together = fuser(vis, ir, text=batch, text_mask=mask)
    for i, text in enumerate(texts):
        alone = fuser(vis[i:i + 1], ir[i:i + 1], text=text)
        torch.testing.assert_close(together.fused[i:i + 1], alone.fused,
                                   atol=2e-5, rtol=0)
    # real tokens need not come first
    order = torch.arange(8, -1, -1)
    reverse = fuser(vis, ir, text=batch[:, order], text_mask=mask[:, order])
    torch.testing.assert_close(reverse.fused, together.fused, atol=2e-5,
                               rtol=0)


@torch.inference_mode()
def test_the_text_counts(fuser):
    inputs = reference_input(1, 30, 40, 20)
    expected = fuser.fuse_luma(**inputs)
    text = inputs.pop('text')
    other = fuser.fuse_luma(**inputs, text=text.roll(1, 2))
    assert (other - expected).abs().max() > 0.01
    padded = F.pad(text, (0, 0, 0, 50))
    unmasked = fuser.fuse_luma(**inputs, text=padded)
    assert (unmasked - expected).abs().max() > 0.01
    mask = torch.arange(70)[None] < 20
    masked = fuser.fuse_luma(**inputs, text=padded, text_mask=mask)
    torch.testing.assert_close(masked, expected, atol=2e-5, rtol=0)


@torch.inference_mode()
def test_without_a_text():
    fuser = FILMFusion(**SMALL)
    vis, ir = torch.rand(2, 3, 24, 24), torch.rand(2, 1, 24, 24)
    with pytest.raises(ValueError, match=r'text=Tensor \(B, L, 12\).*none'):
        fuser(vis, ir)
    expected = fuser(vis, ir, text=torch.zeros(2, 1, 12)).fused
    torch.testing.assert_close(fuser(vis, ir, text='none').fused, expected)
    lenient = FILMFusion(**SMALL, missing_text='none')
    lenient.load_state_dict(fuser.state_dict())
    torch.testing.assert_close(lenient(vis, ir).fused, expected)
    text = torch.rand(2, 3, 12)
    torch.testing.assert_close(
        lenient(vis, ir, text=text).fused,
        fuser(vis, ir, text=text).fused)


def test_cost_is_counted():
    """Without computing: 100.0 GFLOP are the authors', of 149 tokens."""
    fuser = FILMFusion(missing_text='none').eval()

    class Stacked(torch.nn.Module):

        def __init__(self):
            super().__init__()
            self.fuser = fuser

        def forward(self, inputs):
            return self.fuser(inputs[:, :3], inputs[:, 3:]).fused

    assert 70e9 < count_flops(Stacked(), (288, 384))[''] < 95e9


MASK = torch.ones(2, 3, dtype=torch.bool)


@pytest.mark.parametrize('text, mask, error, match', [
    ('a man', None, ValueError, "got 'a man'"),
    (['a', 'b'], None, TypeError, 'tensor of floats, got list'),
    (torch.ones(2, 3, 12).int(), None, TypeError, 'torch.int32'),
    (torch.ones(2, 3, 13), None, ValueError, r'C = 12, got \(2, 3, 13\)'),
    (torch.ones(1, 3, 12), None, ValueError, 'expand'),
    (torch.ones(2, 0, 12), None, ValueError, 'L >= 1'),
    (torch.ones(3, 12), None, ValueError, r'got \(3, 12\)'),
    (torch.ones(2, 3, 12), MASK.float(), TypeError, 'torch.float32'),
    (torch.ones(2, 3, 12), MASK[:, :2], ValueError, r'\(2, 3\), got \(2, 2'),
    (torch.ones(2, 3, 12), MASK & torch.tensor([[True], [False]]), ValueError,
     'at least one real token.*image 1'),
    (torch.tensor([1, torch.nan]).view(2, 1, 1).expand(
        2, 3, 12), None, ValueError, 'NaN.*image 1'),
    (torch.full((2, 3, 12), torch.inf), MASK, ValueError, 'image 0'),
])
def test_bad_texts(text, mask, error, match):
    fuser = FILMFusion(**SMALL)
    vis, ir = torch.rand(2, 3, 8, 8), torch.rand(2, 1, 8, 8)
    with pytest.raises(error, match=f'FILMFusion: expected .*{match}'):
        fuser(vis, ir, text=text, text_mask=mask)


@pytest.mark.parametrize('options, match', [
    (dict(num_heads=3), 'divisible by num_heads'),
    (dict(token_grid=(5, 5)), 'multiple of token_dim'),
    (dict(missing_text='zero'), "'error' or 'none'"),
])
def test_bad_options(options, match):
    with pytest.raises(ValueError, match=match):
        FILMFusion(**{**SMALL, **options})


def test_bfloat16():
    """Sums over pixels stay in single precision."""
    fuser = FILMFusion(**SMALL)
    inputs = reference_input(1, 40, 50, 7, 12)
    expected = fuser.fuse_luma(**inputs)
    with torch.autocast('cpu', torch.bfloat16):
        fused = fuser.fuse_luma(**inputs)
        fused.sum().backward()
    assert (fused - expected).abs().max() < 0.02
    assert all(p.grad.isfinite().all() for p in fuser.parameters())


@torch.inference_mode()
def test_saved_as_the_authors_save(fuser):
    """Stretched and truncated, from a grey visible image."""
    inputs = reference_input(1, 40, 56, 12)
    vis = inputs.pop('vis_luma')
    output = fuser(vis.expand(-1, 3, -1, -1), inputs['ir'],
                   text=inputs['text'])
    luma = output.luma[0, 0]
    expected = ((luma - luma.min()) / (luma.max() - luma.min()) * 255).to(
        torch.uint8).int()
    saved = torch.from_numpy(to_uint8(output.fused[0], 'minmax',
                                      grey=True)).int()
    assert (saved - expected).abs().max() <= 1
    # what the way over colour rounds otherwise
    assert (saved != expected).float().mean() < 0.005
    assert saved.min() <= 1 and saved.max() >= 254


def test_base_config_trains(monkeypatch):
    cfg = Config.fromfile('configs/_base_/models/film.py').model
    cfg.fuser.update(SMALL)
    cfg.fusion_losses.film.lp_ssim_weight = 0.5
    model = MODELS.build(cfg)
    monkeypatch.setattr(model, 'condition',
                        lambda samples: dict(text=torch.rand(2, 4, 12)))
    losses = model(torch.rand(2, 4, 24, 24), mode='loss')
    assert sorted(losses) == [
        'loss_film.gradient', 'loss_film.intensity', 'loss_film.lp_ssim_ir',
        'loss_film.lp_ssim_vis'
    ]
    sum(losses.values()).backward()
    assert all(p.grad is not None for p in model.parameters())


def test_reference_shapes_are_those_of_the_transcription():
    state = naive_film().state_dict()
    assert {k: tuple(v.shape) for k, v in state.items()} == reference_shapes()


def test_pixels_of_exported_graphs():
    """Those that PyTorch takes, also where a quotient is nearly whole."""
    for source in (1, 2, 7, 53, 288, 333, 384, 480, 500, 640, 1024, 1280):
        row = torch.arange(source, dtype=torch.float32)[None, None]
        for target in (*range(1, 120), 288, 384, 480, 640):
            expected = F.interpolate(row, target, mode='nearest')[0, 0]
            assert torch.equal(nearest_indices(source, target),
                               expected.long())
