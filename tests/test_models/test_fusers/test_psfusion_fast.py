"""PSFusion: fast inference and layers of the trained network."""
import copy

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from mmseg.models.backbones.resnet import BasicBlock
from torch import nn
from torch.multiprocessing.reductions import StorageWeakRef

from mmfusion.models.fusers.fast import conv as fused_conv_module
from mmfusion.models.fusers.fast import rows as rows_module
from mmfusion.models.fusers.fast.conv import (FusedBasicBlock, FusedConv2d,
                                              fuse_layers)
from mmfusion.models.layers import (FReLU, GlobalAttention, apply_to_concat,
                                    conv_norm_act, pixel_attention, recompute)
from tests.support.psfusion_cases import assert_close, outputs, slim
from tests.support.references.psfusion import reference_input


class TestFastInference:
    """The rearranged copy and the layers it is made of."""

    @pytest.mark.parametrize('batch, size', [(1, (160, 96)), (2, (96, 64)),
                                             (1, (70, 45))])
    @pytest.mark.parametrize('fused_kernels', [True, False])
    def test_equals_the_network(self, monkeypatch, batch, size, fused_kernels):
        # bands of eight rows or so
        monkeypatch.setattr(rows_module, 'BUDGET', 8 * 8 * 4 * size[1])
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
            assert_close(outputs(fuser.optimize_for_inference()(vis, ir)),
                         outputs(fuser(vis, ir)), 1e-10)

    @pytest.mark.parametrize('act', ['none', 'relu', 'relu6', 'sigmoid'])
    @pytest.mark.parametrize('channels', [1, 6])
    def test_fused_conv(self, monkeypatch, act, channels):
        conv = nn.Conv2d(channels, 4, 3, stride=2, padding=1, bias=False)
        fused = FusedConv2d(conv, act)
        x = 9 * torch.randn(2, channels, 9, 10)
        add = torch.randn(2, 4, 5, 5)
        function = dict(none=lambda x: x, relu=F.relu, relu6=F.relu6,
                        sigmoid=torch.sigmoid)[act]
        with torch.no_grad():
            for available in (fused_conv_module._FUSED_KERNELS, False):
                monkeypatch.setattr(fused_conv_module, '_FUSED_KERNELS',
                                    available)
                assert torch.allclose(fused(x), function(conv(x)), atol=1e-5)
                assert torch.allclose(fused(x, add=add.clone()),
                                      function(conv(x) + add), atol=1e-5)
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
        block = nn.Sequential(conv_norm_act(3, 8, norms=2), BasicBlock(8, 8),
                              nn.MaxPool2d(2),
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
            torch.testing.assert_close(act(x), torch.maximum(x, act.funnel(x)))

    def test_global_attention_in_parts(self):
        attention = GlobalAttention(5, 2, 5).eval()
        x = torch.randn(1, 5, 4, 4)
        assert torch.allclose(attention(x), attention(x[:, :2], x[:, 2:]))

    def test_concat_is_not_kept(self):
        conv = nn.Conv2d(5, 4, 3, padding=1)
        parts = [torch.randn(2, c, 6, 7, requires_grad=True) for c in (2, 3)]
        kept = []

        def watched(x):
            kept.append(StorageWeakRef(x.untyped_storage()))
            return conv(x)

        plain = watched(torch.cat(parts, 1))
        lean = apply_to_concat(watched, parts)
        torch.testing.assert_close(plain, lean)
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
            torch.testing.assert_close(a, b)
        for a, b in zip(block.parameters(), twin.parameters(), strict=True):
            assert torch.allclose(a.grad, b.grad, atol=1e-5)
        assert block[1].num_batches_tracked == 1
