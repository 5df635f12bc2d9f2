"""PSFusion: golden numbers, an independent transcription, fast inference."""
import copy
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from mmseg.models.backbones.resnet import BasicBlock
from torch import nn
from torch.multiprocessing.reductions import StorageWeakRef

from mmfusion.models.layers import (
    FReLU,
    GlobalAttention,
    apply_to_concat,
    conv_norm_act,
    pixel_attention,
    recompute,
)
from mmfusion.models.layers import fused_conv as fused_conv_module
from mmfusion.models.layers import strips as strips_module
from mmfusion.models.layers.fused_conv import (
    FusedBasicBlock,
    FusedConv2d,
    fuse_layers,
)
from mmfusion.models.layers.strips import run_in_strips
from mmfusion.registry import MODELS
from mmfusion.testing.psfusion_reference import (
    reference_input,
    reference_shapes,
    reference_state_dict,
)

ROOT = Path(__file__).resolve().parents[3]
SLIM = dict(base_channels=8, depths=(1, 2, 1, 1))
OUTPUTS = ('semantic', 'binary', 'boundary', 'fused', 'vis_rec', 'ir_rec')
# mean, std, min, max; then the values at PIXELS of the first and last channel
PIXELS = ((0, 0), (10, 20), (40, 77), (63, 95))
GOLDEN = dict(
    semantic=((-0.026642, 0.197036, -0.396724, 0.550184),
              (-0.033816, -0.117290, -0.334824, -0.093979),
              (0.041268, 0.383764, 0.485232, 0.171341)),
    binary=((-0.380647, 0.165375, -0.725856, 0.092871),
            (-0.280235, -0.457749, -0.354627, -0.287072),
            (-0.123440, -0.580064, -0.281815, -0.070029)),
    boundary=((-0.179898, 0.177084, -0.553631, 0.308261),
              (-0.259006, -0.419869, -0.467771, -0.258744),
              (-0.253765, -0.064061, -0.073270, -0.080746)),
    fused=((0.271349, 0.223887, 0.000621, 0.987450),
           (0.218795, 0.340787, 0.029996, 0.449639),
           (0.218795, 0.340787, 0.029996, 0.449639)),
    vis_rec=((0.461246, 0.187034, 0.012601, 0.945956),
             (0.416426, 0.570659, 0.629628, 0.610040),
             (0.416426, 0.570659, 0.629628, 0.610040)),
    ir_rec=((0.471586, 0.165022, 0.037788, 0.945328),
            (0.267320, 0.544176, 0.544140, 0.466897),
            (0.267320, 0.544176, 0.544140, 0.466897)))


@pytest.fixture(scope='module', autouse=True)
def _paths():
    paths = [str(ROOT), str(ROOT / 'tools' / 'model_converters')]
    sys.path[:0] = paths
    yield
    for path in paths:
        sys.path.remove(path)


def build(**kwargs):
    return MODELS.build(dict(type='PSFusion', **kwargs))


def fill(fuser, state):
    """Load weights that have the authors' names."""
    from mappings.psfusion import psfusion_key
    fuser.load_state_dict(
        {key: state[psfusion_key(key)]
         for key in fuser.state_dict()})
    return fuser


def slim(**kwargs):
    return fill(build(**SLIM, **kwargs), reference_state_dict(**SLIM))


def naive(state, **size):
    from benchmarks.naive import NaivePSFusion
    network = NaivePSFusion(size.get('base_channels', 32),
                            size.get('depths', (3, 4, 6, 3)))
    result = network.load_state_dict(state, strict=False)
    assert not result.missing_keys
    assert all(
        key.startswith('classfier.boundary_conv1')
        or key.startswith('classfier.boundary_conv2')
        for key in result.unexpected_keys)
    return network


def outputs(output):
    """The six maps in the reference's order."""
    return [
        output.luma if name == 'fused' else output.aux[name]
        for name in OUTPUTS
    ]


def assert_close(first, second, tolerance):
    for name, a, b in zip(OUTPUTS, first, second, strict=True):
        assert a.shape == b.shape, name
        assert (a - b).abs().max().item() <= tolerance, name


def test_reference_keys():
    shapes = reference_shapes()
    assert len(shapes) == 1360
    assert sum('num_batches_tracked' in key for key in shapes) == 212
    total = sum(
        value.double().sum().item()
        for key, value in reference_state_dict().items()
        if not key.endswith(('running_mean', 'running_var', 'tracked')))
    assert total == pytest.approx(22620.518386, abs=1e-5)


def test_golden_numbers():
    state = reference_state_dict()
    fuser = fill(build(), state).eval()
    assert sum(p.numel() for p in fuser.parameters()) == 45899366
    vis, ir = reference_input()
    with torch.no_grad():
        single = outputs(fuser(vis, ir))
        exact = outputs(fuser.double()(vis.double(), ir.double()))
        fast = outputs(fuser.float().optimize_for_inference()(vis, ir))
    for name, a, b in zip(OUTPUTS, single, exact, strict=True):
        moments, first, last = GOLDEN[name]
        for x, tolerance in ((a, 1e-5), (b, 1e-6)):
            got = (x.mean(), x.std(correction=0), x.min(), x.max())
            got = [value.item() for value in got]
            assert got == pytest.approx(moments, abs=tolerance), name
            for channel, values in ((0, first), (-1, last)):
                got = [x[0, channel, i, j].item() for i, j in PIXELS]
                assert got == pytest.approx(values, abs=tolerance), name
    counts = single[0].argmax(1).flatten().bincount(minlength=9)
    assert counts.tolist() == [1, 1, 0, 725, 70, 0, 0, 2, 5345]
    assert_close(fast, single, 1e-4)


@pytest.mark.parametrize('training', [False, True])
def test_equals_transcription(training):
    state = reference_state_dict(**SLIM)
    reference, fuser = naive(state, **SLIM), slim()
    reference.train(training).double()
    fuser.train(training).double()
    vis, ir = (x.double() for x in reference_input(64, 96, batch=2))
    expected, got = reference(vis, ir), outputs(fuser(vis, ir))
    assert_close(got, expected, 1e-10)

    # gradients and running statistics, by the authors' names
    for result in (expected, got):
        sum(x.square().mean() for x in result).backward()
    from mappings.psfusion import psfusion_key
    parameters = dict(reference.named_parameters())
    for key, parameter in fuser.named_parameters():
        assert parameter.grad is not None, key
        other = parameters[psfusion_key(key)].grad
        assert torch.allclose(
            parameter.grad, other, rtol=1e-6, atol=1e-9), key
    buffers = dict(reference.named_buffers())
    for key, buffer in fuser.named_buffers():
        assert torch.allclose(buffer, buffers[psfusion_key(key)]), key


def test_converter_round_trip(tmp_path):
    from convert import convert_file
    state = reference_state_dict()
    checkpoint = dict(
        MTAN=state,
        optimizer=dict(state={0: dict(step=3)}, param_groups=[dict(lr=0.1)]),
        ep=7,
        total_it=70,
        best_mIou=np.float64(0.5))
    paths = [tmp_path / f'{name}.pth' for name in ('theirs', 'ours', 'back')]
    torch.save(checkpoint, paths[0])
    convert_file(paths[0], paths[1], 'psfusion')
    ours = torch.load(paths[1], weights_only=True)
    assert len(ours['state_dict']) == 1360 - 8
    assert len(ours['meta']['unused']) == 8
    fuser = build(
        init_cfg=dict(type='Pretrained', checkpoint=str(paths[1])))
    fuser.init_weights()
    assert torch.equal(fuser.vis_encoder[0][0].weight,
                       state['encoder_rgb_conv1.SFEB1.0.weight'])
    convert_file(paths[1], paths[2], 'psfusion', reverse=True)
    back = torch.load(paths[2], weights_only=True)['MTAN']
    assert list(back) == sorted(state)
    assert all(torch.equal(back[key], state[key]) for key in state)
    del checkpoint['MTAN']['SIM1.bn.weight']
    torch.save(checkpoint, paths[0])
    with pytest.raises(ValueError, match='1 missing: SIM1.bn.weight'):
        convert_file(paths[0], tmp_path / 'none.pth', 'psfusion')
    assert not (tmp_path / 'none.pth').exists()


@pytest.mark.parametrize('size', [(470, 631), (33, 20), (1, 70)])
def test_any_size(size):
    fuser = slim().eval()
    vis, ir = reference_input(*size)
    with torch.no_grad():
        output = fuser(vis, ir)
    assert output.fused.shape == (1, 3, *size)
    assert output.luma.shape == (1, 1, *size)
    assert {k: v.shape[1:] for k, v in output.aux.items()} == dict(
        semantic=(9, *size),
        binary=(2, *size),
        boundary=(2, *size),
        vis_rec=(1, *size),
        ir_rec=(1, *size))
    for value in (output.luma, output.fused, *output.aux.values()):
        assert value.isfinite().all()
    assert 0 <= output.fused.min() and output.fused.max() <= 1


def test_colour_comes_from_the_visible_image():
    fuser = slim().eval()
    vis, ir = reference_input(32, 64)
    with torch.no_grad():
        output = fuser(vis, ir)
    r, g, b = vis.unbind(1)
    y = 0.299 * r + 0.587 * g + 0.114 * b
    cr, cb = 0.713 * (r - y), 0.564 * (b - y)
    red = (output.luma[:, 0] + 1.403 * cr).clamp(0, 1)
    blue = (output.luma[:, 0] + 1.773 * cb).clamp(0, 1)
    assert torch.allclose(output.fused[:, 0], red, atol=1e-5)
    assert torch.allclose(output.fused[:, 2], blue, atol=1e-5)


def test_every_parameter_learns_from_psfusion_loss():
    fuser = slim().train()
    vis, ir = reference_input(32, 32, batch=2)
    loss = MODELS.build(dict(type='PSFusionLoss', labels='optional'))
    output = fuser(vis, ir)
    terms = loss(output, dict(vis=vis, ir=ir, vis_luma=vis[:, :1]), None)
    sum(terms.values()).backward()
    assert not [k for k, p in fuser.named_parameters() if p.grad is None]


def test_one_image_cannot_train():
    fuser = slim().train()
    vis, ir = reference_input(32, 32)
    with pytest.raises(ValueError, match='at least two images'):
        fuser(vis, ir)


@pytest.mark.parametrize('bad, message', [
    (dict(base_channels=12), 'multiple of 8'),
    (dict(depths=(1, 1, 1)), 'four stages'),
    (dict(backbone_init_cfg=dict(type='Kaiming')), 'backbone_init_cfg'),
])
def test_bad_arguments(bad, message):
    with pytest.raises(ValueError, match=message):
        build(**bad)


def test_fuse_only():
    fuser = slim(fuse_only=True).eval()
    vis, ir = reference_input(32, 32, batch=2)
    with torch.no_grad():
        output = fuser(vis, ir)
        fuser.fuse_only = False
        assert torch.equal(output.luma, fuser(vis, ir).luma)
    assert output.aux == {}
    fuser.fuse_only = True
    assert set(fuser.train()(vis, ir).aux) == set(OUTPUTS) - {'fused'}


class TestBackbone:
    """``backbone_init_cfg`` with torchvision's names."""

    @staticmethod
    def state(prefix=''):
        """A slim ResNet under torchvision's names, of noise."""
        generator = torch.Generator().manual_seed(0)
        fuser = build(**SLIM)
        state = {}
        for name, part in (('bn1', fuser.vis_encoder[1][4]),
                           ('layer1', fuser.vis_encoder[2][1]),
                           ('layer2', fuser.vis_encoder[3]),
                           ('layer3', fuser.vis_encoder[4]),
                           ('layer4', fuser.vis_encoder[5])):
            for key, value in part.state_dict().items():
                if not key.endswith('num_batches_tracked'):
                    state[f'{prefix}{name}.{key}'] = torch.rand(
                        value.shape, generator=generator)
        state[f'{prefix}fc.weight'] = torch.rand(5, 5)
        return state

    @pytest.mark.parametrize('prefix', ['', 'backbone.'])
    def test_both_encoders(self, tmp_path, prefix):
        path = tmp_path / 'resnet.pth'
        state = self.state(prefix)
        torch.save(state, path)
        fuser = build(
            **SLIM,
            backbone_init_cfg=dict(
                type='Pretrained', checkpoint=str(path), prefix=prefix))
        fuser.init_weights()
        for encoder in (fuser.vis_encoder, fuser.ir_encoder):
            assert torch.equal(encoder[1][4].weight,
                               state[f'{prefix}bn1.weight'])
            assert torch.equal(encoder[2][1][0].conv1.weight,
                               state[f'{prefix}layer1.0.conv1.weight'])
            assert torch.equal(
                encoder[3][0].downsample[0].weight,
                state[f'{prefix}layer2.0.downsample.0.weight'])
            assert torch.equal(encoder[5][0].bn2.running_var,
                               state[f'{prefix}layer4.0.bn2.running_var'])
        first = fuser.vis_encoder[3][0].conv1.weight
        assert first is not fuser.ir_encoder[3][0].conv1.weight

    def test_wrong_depth(self, tmp_path):
        path = tmp_path / 'resnet.pth'
        state = self.state()
        del state['layer2.1.conv1.weight']
        torch.save(state, path)
        fuser = build(
            **SLIM,
            backbone_init_cfg=dict(type='Pretrained', checkpoint=str(path)))
        with pytest.raises(ValueError, match='missing.*1.conv1.weight'):
            fuser.init_weights()

    def test_no_file(self):
        fuser = build(
            **SLIM,
            backbone_init_cfg=dict(type='Pretrained', checkpoint='no.pth'))
        with pytest.raises(FileNotFoundError, match='no.pth'):
            fuser.init_weights()

    def test_published_layout_is_torchvisions(self):
        import torchvision
        resnet = torchvision.models.resnet34(weights=None).state_dict()
        encoder = build().vis_encoder
        for name, part in (('bn1', encoder[1][4]), ('layer1', encoder[2][1]),
                           ('layer2', encoder[3]), ('layer3', encoder[4]),
                           ('layer4', encoder[5])):
            own = {
                f'{name}.{key}': value.shape
                for key, value in part.state_dict().items()
            }
            assert own == {
                key: value.shape
                for key, value in resnet.items()
                if key.startswith(f'{name}.')
            }


class TestFastInference:
    """The rearranged copy and the layers it is made of."""

    @pytest.mark.parametrize('batch, size', [(1, (160, 96)), (2, (96, 64)),
                                             (1, (70, 45))])
    @pytest.mark.parametrize('fused_kernels', [True, False])
    def test_equals_the_network(self, monkeypatch, batch, size,
                                fused_kernels):
        # strips of eight rows or so
        monkeypatch.setattr(strips_module, 'STRIP_PIXELS', 8 * size[1])
        if not fused_kernels:
            monkeypatch.setattr(fused_conv_module, '_FUSED_KERNELS', False)
        fuser = slim().eval()
        before = copy.deepcopy(fuser.state_dict())
        vis, ir = reference_input(*size, batch=batch)
        kept = vis.clone(), ir.clone()
        fast = fuser.optimize_for_inference()
        with torch.inference_mode():
            expected, got = fuser(vis, ir), fast(vis, ir)
        assert_close(outputs(got), outputs(expected), 1e-4)
        assert torch.allclose(got.fused, expected.fused, atol=1e-4)
        assert torch.equal(vis, kept[0]) and torch.equal(ir, kept[1])
        for key, value in fuser.state_dict().items():
            assert torch.equal(value, before[key]), key

    def test_outside_inference_mode_and_autocast(self):
        fuser = slim().eval()
        fast = fuser.optimize_for_inference()
        vis, ir = reference_input(32, 64)
        expected = outputs(fuser(vis, ir))
        assert_close(outputs(fast(vis, ir)), expected, 1e-4)
        with torch.autocast('cpu', torch.bfloat16), torch.no_grad():
            assert_close(outputs(fast(vis, ir)), expected, 0.2)
        assert not [p for p in fast.parameters() if p.requires_grad]

    def test_double_precision(self):
        fuser = slim().eval().double()
        vis, ir = (x.double() for x in reference_input(32, 64))
        with torch.no_grad():
            assert_close(
                outputs(fuser.optimize_for_inference()(vis, ir)),
                outputs(fuser(vis, ir)), 1e-10)

    @pytest.mark.parametrize('act', ['none', 'relu', 'relu6', 'sigmoid'])
    @pytest.mark.parametrize('channels', [1, 6])
    def test_fused_conv(self, monkeypatch, act, channels):
        conv = nn.Conv2d(channels, 4, 3, stride=2, padding=1, bias=False)
        fused = FusedConv2d(conv, act)
        x = 9 * torch.randn(2, channels, 9, 10)
        add = torch.randn(2, 4, 5, 5)
        function = dict(
            none=lambda x: x,
            relu=F.relu,
            relu6=F.relu6,
            sigmoid=torch.sigmoid)[act]
        with torch.no_grad():
            for available in (fused_conv_module._FUSED_KERNELS, False):
                monkeypatch.setattr(fused_conv_module, '_FUSED_KERNELS',
                                    available)
                assert torch.allclose(
                    fused(x), function(conv(x)), atol=1e-5)
                assert torch.allclose(
                    fused(x, add=add.clone()),
                    function(conv(x) + add),
                    atol=1e-5)
        assert fused(x.requires_grad_()).requires_grad

    def test_split_conv(self):
        conv = FusedConv2d(nn.Conv2d(6, 4, 3, padding=1), 'relu')
        x = torch.randn(1, 6, 7, 8)
        first, second = conv.split(2, 4)
        with torch.no_grad():
            total = second(x[:, 2:], add=first(x[:, :2]))
            assert torch.allclose(total, conv(x), atol=1e-5)
        with pytest.raises(ValueError, match='parts of 6 channels'):
            conv.split(2, 2)
        with pytest.raises(ValueError, match='zero padding'):
            FusedConv2d(nn.Conv2d(2, 2, 3, padding='same'))

    def test_fuse_layers(self):
        torch.manual_seed(0)
        block = nn.Sequential(
            conv_norm_act(3, 8, norms=2),
            BasicBlock(8, 8), nn.MaxPool2d(2),
            *conv_norm_act(8, 4, 1, bias=True, act='relu6'),
            nn.Conv2d(4, 5, 3))
        for layer in block.modules():
            if isinstance(layer, nn.BatchNorm2d):
                nn.init.normal_(layer.running_mean)
                nn.init.uniform_(layer.running_var, 0.5, 2)
                nn.init.normal_(layer.bias)
        block.eval()
        x = torch.randn(2, 3, 12, 14)
        with torch.no_grad():
            expected = block(x)
            fused = fuse_layers(block)
            assert torch.allclose(fused(x), expected, atol=1e-4)
        kinds = [type(layer) for layer in fused.modules()]
        assert nn.BatchNorm2d not in kinds and nn.Conv2d not in kinds
        assert FusedBasicBlock in kinds

    def test_strips(self, monkeypatch):
        monkeypatch.setattr(strips_module, 'STRIP_PIXELS', 40)
        x, half = torch.randn(2, 3, 26, 5), torch.randn(2, 3, 13, 5)
        calls = []

        def function(x, half):
            calls.append(x.shape[2])
            half = F.avg_pool2d(half, (3, 1), 1, padding=(1, 0))
            return x - half.repeat_interleave(2, dim=2)

        got = run_in_strips(function, x, half, halo=1)
        assert len(calls) > 3 and max(calls) < 26
        assert torch.allclose(got, function(x, half))
        kept = x.clone()
        assert run_in_strips(torch.neg, x, out=x) is x
        assert torch.equal(x, -kept)


class TestLayers:
    """Layers of the trained network."""

    @pytest.mark.parametrize('scale', [None, 1.0])
    @pytest.mark.parametrize('channels_last', [False, True])
    def test_pixel_attention(self, scale, channels_last):
        query, key, value = torch.randn(3, 2, 4, 5, 6).unbind()
        if channels_last:
            query = query.contiguous(memory_format=torch.channels_last)
        got = pixel_attention(query, key, value, scale)
        q, k, v = (x.flatten(2).double().numpy() for x in (query, key, value))
        for n in range(2):
            logits = q[n].T @ k[n] * (0.5 if scale is None else scale)
            weights = np.exp(logits - logits.max(1, keepdims=True))
            weights /= weights.sum(1, keepdims=True)
            expected = (v[n] @ weights.T).reshape(4, 5, 6)
            assert np.allclose(got[n].numpy(), expected, atol=1e-5)

    def test_pixel_attention_stores_no_map_between_pixels(self):
        from torch.utils._python_dispatch import TorchDispatchMode

        class Largest(TorchDispatchMode):
            elements = 0

            def __torch_dispatch__(self, func, types, args=(), kwargs=None):
                out = func(*args, **(kwargs or {}))
                for x in out if isinstance(out, tuple) else (out, ):
                    if isinstance(x, torch.Tensor):
                        self.elements = max(self.elements, x.numel())
                return out

        x = torch.randn(1, 64, 24, 32, requires_grad=True)
        with Largest() as largest:
            pixel_attention(x, x, x, scale=1.0).sum().backward()
        assert largest.elements <= x.numel()

    def test_frelu(self):
        act = FReLU(3).eval()
        x = torch.randn(2, 3, 5, 6)
        with torch.no_grad():
            assert torch.equal(act(x), torch.maximum(x, act.funnel(x)))

    def test_global_attention_in_parts(self):
        attention = GlobalAttention(5, 2, 5).eval()
        x = torch.randn(1, 5, 4, 4)
        assert torch.allclose(attention(x), attention(x[:, :2], x[:, 2:]))

    def test_concat_is_not_kept(self):
        conv = nn.Conv2d(5, 4, 3, padding=1)
        parts = [
            torch.randn(2, c, 6, 7, requires_grad=True) for c in (2, 3)
        ]
        kept = []

        def watched(x):
            kept.append(StorageWeakRef(x.untyped_storage()))
            return conv(x)

        plain = watched(torch.cat(parts, 1))
        lean = apply_to_concat(watched, parts)
        assert torch.equal(plain, lean)
        assert [ref.expired() for ref in kept] == [False, True]
        got = torch.autograd.grad(
            apply_to_concat(conv, parts).square().sum(),
            [*parts, *conv.parameters()])
        expected = torch.autograd.grad(
            conv(torch.cat(parts, 1)).square().sum(),
            [*parts, *conv.parameters()])
        for a, b in zip(got, expected, strict=True):
            assert torch.allclose(a, b, atol=1e-4)

    def test_recompute_updates_statistics_once(self):
        block, x = conv_norm_act(3, 4), torch.randn(2, 3, 6, 7)
        twin = copy.deepcopy(block)
        recompute(block, block, x).square().sum().backward()
        twin(x).square().sum().backward()
        for a, b in zip(block.buffers(), twin.buffers(), strict=True):
            assert torch.equal(a, b)
        for a, b in zip(block.parameters(), twin.parameters(), strict=True):
            assert torch.allclose(a.grad, b.grad, atol=1e-5)
        assert block[1].num_batches_tracked == 1
