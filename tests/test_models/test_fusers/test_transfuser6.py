"""TransFuser6: golden numbers of BFFR, an independent transcription, and
the row-wise inference."""
import copy
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

from mmfusion.models.fusers import TransFuser6
from mmfusion.models.fusers.fast import rows as rows_module
from mmfusion.models.fusers.transfuser6.layers import (ChannelAttention,
                                                       conv_doubled,
                                                       doubling_kernel)
from mmfusion.registry import MODELS
from tests.support.references.bffr import (fill_reference, golden_inputs,
                                           reference_fuser_shapes)

ROOT = Path(__file__).resolve().parents[3]
SLIM = dict(stem_channels=4, channels=(8, 12, 16, 24), heads=(2, 3, 4, 4))

# spec 2.9, eval mode: size -> Yf mean, std, min, max; Yf[0, 0, 0, :4];
# Yf[0, 0, H // 2, W // 2], Yf[-1, 0, -1, -1]; out[0, :, 0, 0];
# out[-1, :, -1, -1]; out mean, std; average and correlation loss
GOLDEN = {
    (1, 32, 48):
    ((.618469, .058981, .481803,
      .755276), (.711529, .706774, .620237,
                 .617845), (.673594, .523254), (.399236, .881020, .657094),
     (.415297, .472467, 1.068177), (.620248, .314850), (.137568, .761037)),
    (2, 37, 53):
    ((.610851, .056028, .481802,
      .757749), (.711804, .706932, .621014,
                 .618185), (.688752, .688065), (.399510, .881295, .657368),
     (.367418, .858696, .649669), (.610856, .316844), (.134099, .887359)),
    (1, 64, 80): ((.598425, .062217, .476619, .755401),
                  (.711094, .706342, .620303, .617071), (.581143, .552288),
                  (.398801, .880585, .656659), (.453995, .672974, .188080),
                  (.601201, .316433), (.158765, .764197)),
    (1, 240, 320): ((.600233, .061577, .460022, .755589),
                    (.710453, .705985, .619461, .616818), (.611292, .560263),
                    (.398159, .879944, .656017), (.365496, .706683, .316468),
                    (.600451, .316233), (.154995, .754108)),
}


@pytest.fixture(scope='module')
def reference():
    """The golden weights under the authors' names."""
    shapes = reference_fuser_shapes()
    assert len(shapes) == 386
    state = fill_reference(shapes)
    keys = sorted(state)
    assert keys[6] == 'DB1_1.conv2d.weight'
    assert keys[105] == 'conv_out.conv2d.weight'
    close(state[keys[6]].flatten()[:3], (-.019012, .044702, .067317), 1e-6)
    close(state[keys[109]][:3], (1.333534, 1.000979, 1.373725), 1e-6)
    close(state[keys[385]].flatten()[:3], (.174660, .071420, -.097484), 1e-6)
    return state


@pytest.fixture(scope='module')
def converted(converter, reference):
    state, unused = converter.MAPPINGS['transfuser6'][0].convert(reference)
    assert len(unused) == 40
    return {key.removeprefix('fuser.'): value for key, value in state.items()}


@pytest.fixture
def fuser(converted):
    fuser = MODELS.build(dict(type='TransFuser6'))
    fuser.load_state_dict(converted, strict=True)
    return fuser.eval()


@pytest.fixture(scope='module')
def naive(reference):
    from benchmarks.naive import NaiveTransFuser6
    naive = NaiveTransFuser6()
    naive.load_state_dict({key: reference[key] for key in naive.state_dict()},
                          strict=True)
    return naive.eval()


def close(got, expected, atol=1e-5):
    """Printed to six decimals, hence half a unit of the last on top."""
    torch.testing.assert_close(got, torch.tensor(expected), atol=atol,
                               rtol=1e-6)


@pytest.mark.parametrize('optimized', [False, True])
@pytest.mark.parametrize('size', GOLDEN, ids=str)
@torch.no_grad()
def test_golden(fuser, size, optimized):
    from mmfusion.models.losses import average_loss, correlation_loss
    if optimized:
        fuser = fuser.optimize_for_inference()
    vis, ir = golden_inputs(*size)
    close(vis[0, :, 0, 0], (.5, .981779, .757751), 1e-6)
    output = fuser(vis, ir)
    y, out = output.luma, output.fused
    spread, first, ends, corner, last, moments, losses = GOLDEN[size]
    close(torch.stack((y.mean(), y.std(), y.min(), y.max())), spread)
    close(y[0, 0, 0, :4], first)
    close(torch.stack((y[0, 0, size[1] // 2, size[2] // 2], y[-1, 0, -1, -1])),
          ends)
    close(out[0, :, 0, 0], corner)
    close(out[-1, :, -1, -1], last)
    close(torch.stack((out.mean(), out.std())), moments)
    vis_luma = fuser.split_colour(vis)[0]
    close(
        torch.stack((average_loss(y, vis_luma, ir),
                     correlation_loss(y, vis_luma, ir, eps=0.))), losses)


@torch.no_grad()
def test_golden_intermediate_features(fuser):
    vis, ir = golden_inputs(1, 32, 48)
    v = fuser.vis_encoder(fuser.split_colour(vis)[0])[0]
    i = fuser.ir_encoder(ir)[0]
    close(torch.stack((v.mean(), v.std())), (.699324, 1.244586))
    close(v[0, :3, 0, 0], (-.117171, -.203493, 3.842110))
    attended = fuser.ir_attentions[0](i)
    close(torch.stack((attended.mean(), attended.std())), (.927362, 1.588967))
    fused = (attended + fuser.vis_attentions[0](v)) / 2
    close(torch.stack((fused.mean(), fused.std())), (.834910, 1.214645))
    close(fused[0, :3, 0, 0], (1.548373, -.340852, 3.767387))


def test_golden_training_step(fuser):
    from mmfusion.models.losses import average_loss
    fuser.train()
    vis, ir = golden_inputs(2, 32, 48)
    output = fuser(vis, ir)
    loss = average_loss(output.luma, fuser.split_colour(vis)[0], ir)
    loss.backward()
    close(loss.detach(), .177926)
    close(output.fused.mean().detach(), .636705)
    # With these weights each BatchNorm amplifies rounding up to ten times: it
    # is 18.16 to 18.26 on three processors. The last test compares gradients
    # exactly, in float64, where it is this.
    norm = torch.stack([p.grad.norm() for p in fuser.parameters()]).norm()
    close(norm, 18.172071, .2)
    norm = fuser.ir_attentions[0].before[0].norm
    close(norm.running_mean[:3], (-.007791, -.043224, -.033863))
    close(norm.running_var[:3], (1.221803, .936596, 1.239364))


@pytest.mark.parametrize('size', [(1, 16, 16), (2, 17, 23), (1, 33, 47)])
def test_equals_the_transcription_with_its_gradients(fuser, naive, size):
    vis, ir = golden_inputs(*size)
    y = fuser.split_colour(vis)[0]
    inputs = [x.clone().requires_grad_() for x in (y, ir, y, ir)]
    got, expected = fuser.fuse_luma(*inputs[:2]), naive(*inputs[2:])
    torch.testing.assert_close(got, expected, atol=1e-5, rtol=0)
    got.square().sum().backward()
    expected.square().sum().backward()
    for ours, theirs in zip(inputs[:2], inputs[2:], strict=True):
        torch.testing.assert_close(ours.grad, theirs.grad, atol=1e-4,
                                   rtol=1e-3)


def test_training_gradients_equal_the_transcription(fuser, naive):
    fuser, naive = fuser.double().train(), copy.deepcopy(naive).double()
    vis, ir = (x.double() for x in golden_inputs(2, 32, 48))
    y = fuser.split_colour(vis)[0]
    for network in (fuser.fuse_luma, naive.train()):
        ((y + ir) / 2 - network(y, ir)).abs().mean().backward()
    norms = [
        torch.stack([p.grad.norm() for p in network.parameters()])
        for network in (fuser, naive)
    ]
    torch.testing.assert_close(norms[0].sort()[0], norms[1].sort()[0],
                               atol=1e-9, rtol=1e-7)
    assert abs(norms[0].norm() - 18.172071) < 1e-5


def test_float64(fuser):
    vis, ir = golden_inputs(1, 20, 30)
    with torch.no_grad():
        single = fuser(vis, ir).fused
    double = fuser.double()(vis.double(), ir.double()).fused
    assert double.dtype == torch.float64
    torch.testing.assert_close(double.float(), single, atol=1e-5, rtol=0)


def test_published_size_and_no_dead_parameters():
    fuser = MODELS.build(dict(type='TransFuser6'))
    assert sum(p.numel() for p in fuser.parameters()) == 3908321
    fuser = TransFuser6(**SLIM)
    vis, ir = golden_inputs(2, 32, 32)
    fuser(vis, ir).luma.square().sum().backward()
    dead = [
        name for name, p in fuser.named_parameters()
        if p.grad is None or not torch.isfinite(p.grad).all()
    ]
    assert dead == []


@pytest.mark.parametrize('size', [(1, 15), (9, 40), (16, 16), (31, 33)])
def test_any_size(size):
    fuser = TransFuser6(**SLIM).eval()
    vis, ir = golden_inputs(1, *size)
    for variant in (fuser, fuser.optimize_for_inference()):
        output = variant(vis, ir)
        assert output.fused.shape == vis.shape
        assert output.luma.shape == ir.shape
        assert output.luma.min() > 0 and output.luma.max() < 1


def test_channel_order():
    torch.manual_seed(0)
    rgb = TransFuser6(**SLIM).eval()
    bgr = TransFuser6(**SLIM, channel_order='bgr').eval()
    bgr.load_state_dict(rgb.state_dict())
    vis, ir = golden_inputs(1, 16, 20)
    torch.testing.assert_close(
        bgr(vis, ir).fused,
        rgb(vis.flip(1), ir).fused.flip(1))
    assert not torch.allclose(bgr(vis, ir).luma, rgb(vis, ir).luma, atol=1e-6)


def test_clamp():
    fuser = TransFuser6(**SLIM).eval()
    vis, ir = golden_inputs(1, 16, 20)
    free = fuser(vis, ir).fused
    assert free.max() > 1 or free.min() < 0
    fuser.clamp = True
    fused = fuser(vis, ir).fused
    assert fused.min() >= 0 and fused.max() <= 1


@pytest.mark.parametrize('wrong', [
    dict(channels=(32, 64, 96)),
    dict(heads=(4, 8, 8)),
    dict(heads=(5, 8, 8, 16)),
])
def test_wrong_widths(wrong):
    with pytest.raises(ValueError, match='Expected four channels and four'):
        TransFuser6(**wrong)


@pytest.mark.parametrize('attn_norm', [False, True])
def test_attention_formula(attn_norm):
    """The spec's formula, token by token and head by head."""
    torch.manual_seed(0)
    attention = ChannelAttention(12, 3, attn_norm).double()
    x = torch.randn(2, 12, 5, 7, dtype=torch.float64)
    tokens = x.flatten(2).transpose(1, 2)
    q, k, v = (layer(tokens).view(2, 35, 3, 4).transpose(1, 2)
               for layer in (attention.query, attention.key, attention.value))
    logits = q.transpose(-1, -2) @ k * 4**-0.5 / (35 if attn_norm else 1)
    out = (v @ logits.softmax(dim=2)).transpose(1, 2).reshape(2, 35, 12)
    expected = attention.norm(attention.project(out))
    got = attention.attend(x).flatten(2).transpose(1, 2)
    torch.testing.assert_close(got, expected)


def test_normalised_attention_forgets_the_image_size():
    torch.manual_seed(0)
    x = torch.rand(1, 12, 8, 8)
    tiled = x.repeat(1, 1, 3, 3)
    for attn_norm in (True, False):
        attention = ChannelAttention(12, 3, attn_norm)
        small = attention.attend(x)
        same = torch.allclose(
            attention.attend(tiled)[..., :8, :8], small, atol=1e-4)
        assert same is attn_norm


@pytest.mark.parametrize('dtype', [torch.bfloat16, torch.float16])
def test_attention_does_not_overflow_in_half_precision(dtype):
    torch.manual_seed(0)
    attention = ChannelAttention(8, 2)
    x = 50 * torch.rand(1, 8, 40, 40)
    expected = attention.attend(x.to(dtype).float())
    with torch.autocast('cpu', dtype):
        got = attention.attend(x.to(dtype))
    assert got.dtype == torch.float32
    torch.testing.assert_close(got, expected)


def test_autocast(fuser):
    vis, ir = golden_inputs(1, 32, 48)
    for variant in (fuser, fuser.optimize_for_inference()):
        with torch.no_grad(), torch.autocast('cpu', torch.bfloat16):
            got = variant(vis, ir).luma
        with torch.no_grad():
            expected = fuser(vis, ir).luma
        torch.testing.assert_close(got.float(), expected, atol=.03, rtol=0)


@pytest.mark.parametrize('size', [(8, 10), (9, 10), (8, 11), (9, 11)])
def test_conv_doubled(size):
    """Against doubling, padding and convolving, for any rows of it."""
    torch.manual_seed(0)
    x = torch.randn(2, 3, size[0] // 2, size[1] // 2)
    weight = torch.randn(5, 3, 3, 3)
    doubled = F.interpolate(x, scale_factor=2)
    pad = (0, size[1] % 2, 0, size[0] % 2)
    doubled = F.pad(doubled, pad, mode='reflect')
    expected = F.conv2d(F.pad(doubled, (1, 1, 1, 1), mode='reflect'), weight)
    kernel = doubling_kernel(weight)
    for first in range(size[0]):
        for last in range(first + 1, size[0] + 1):
            torch.testing.assert_close(
                conv_doubled(x, kernel, size, (first, last)),
                expected[:, :, first:last], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize('size', [(1, 16, 16), (1, 17, 19), (2, 37, 30),
                                  (1, 70, 33)])
def test_inference_by_bands(fuser, size, monkeypatch):
    """The thinnest bands there are, so that every border case occurs."""
    monkeypatch.setattr(rows_module, 'BUDGET', 1)
    vis, ir = golden_inputs(*size)
    before = {key: value.clone() for key, value in fuser.state_dict().items()}
    optimized = fuser.optimize_for_inference()
    inputs = vis.clone(), ir.clone()
    with torch.no_grad():
        expected, got = fuser(vis, ir), optimized(vis, ir)
        again = optimized(vis, ir)
    torch.testing.assert_close(got.fused, expected.fused, atol=1e-5, rtol=0)
    torch.testing.assert_close(again.fused, got.fused, atol=1e-6, rtol=0)
    assert torch.equal(vis, inputs[0]) and torch.equal(ir, inputs[1])
    for key, value in fuser.state_dict().items():
        assert torch.equal(value, before[key]), key


def test_inference_of_other_widths():
    torch.manual_seed(0)
    fuser = TransFuser6(**SLIM, attn_norm=True).eval()
    for module in fuser.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_(0, .1)
            module.running_var.uniform_(.5, 1.5)
    vis, ir = golden_inputs(1, 40, 50)
    torch.testing.assert_close(fuser.optimize_for_inference()(vis, ir).luma,
                               fuser(vis, ir).luma, atol=1e-5, rtol=0)
