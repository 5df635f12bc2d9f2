"""Every registered fuser keeps the contract and its capability flags."""
import copy

import pytest
import torch

from tests.support.fuser_cases import FUSERS, build, condition, pair


def check(output, batch, height, width):
    assert output.fused.shape == (batch, 3, height, width)
    tensors = [output.fused, *output.aux.values()]
    if output.luma is not None:
        assert output.luma.shape == (batch, 1, height, width)
        tensors.append(output.luma)
    assert all(torch.isfinite(tensor).all() for tensor in tensors)


def test_the_sweep_sees_the_methods():
    assert {'TransFuser6', 'PSFusion', 'AverageFuser',
            'FILMFusion'} <= set(FUSERS)


@pytest.mark.parametrize('name', FUSERS)
class TestContract:

    @pytest.mark.parametrize('size', [(1, 1, 1), (2, 7, 90), (1, 33, 47),
                                      (1, 64, 64), (1, 94, 63)])
    @torch.no_grad()
    def test_any_size(self, name, size):
        fuser = build(name).eval()
        check(fuser(*pair(*size), **condition(fuser, size[0])), *size)

    @torch.no_grad()
    def test_padding_keeps_the_image_in_place(self, name):
        """A size that fits is not padded, whatever lies beside it."""
        fuser = build(name).eval()
        side = max(fuser.size_divisor, fuser.min_size, 32)
        vis, ir = pair(1, side, side)
        assert fuser._padding(side, side) == (0, 0, 0, 0)
        text = condition(fuser, 1)
        whole = fuser(vis, ir, **text)
        torch.testing.assert_close(
            fuser.fuse(vis, ir, **text).fused, whole.fused)

    @torch.no_grad()
    def test_double(self, name):
        fuser = build(name).double().eval()
        vis, ir = pair(1, 40, 52, dtype=torch.float64)
        double = fuser(vis, ir, **condition(fuser, 1,
                                            dtype=torch.float64)).fused
        single = fuser.float()(vis.float(), ir.float(), **condition(fuser,
                                                                    1)).fused
        assert double.dtype == torch.float64
        torch.testing.assert_close(single.double(), double, atol=1e-3, rtol=0)

    @torch.no_grad()
    def test_optimized_copy(self, name):
        fuser = build(name).eval()
        state = copy.deepcopy(fuser.state_dict())
        fast = fuser.optimize_for_inference()
        for size in ((1, 64, 96), (2, 45, 50)):
            text = condition(fuser, size[0])
            expected = fuser(*pair(*size), **text)
            got = fast(*pair(*size), **text)
            torch.testing.assert_close(got.fused, expected.fused, atol=1e-4,
                                       rtol=0)
        assert not any(p.requires_grad for p in fast.parameters())
        for key, value in fuser.state_dict().items():
            assert torch.equal(value, state[key])

    def test_gradients(self, name):
        """Finite, and to every parameter: DDP finds none unused."""
        fuser = build(name).train()
        if not fuser.trainable:
            assert not any(p.requires_grad for p in fuser.parameters())
            return
        output = fuser(*pair(2, 64, 64), **condition(fuser, 2))
        total = output.fused.square().mean() + sum(
            value.square().mean() for value in output.aux.values())
        if total.requires_grad:
            total.backward()
        for parameter in fuser.parameters():
            if not parameter.requires_grad:
                continue  # frozen by the method
            assert parameter.grad is not None
            assert torch.isfinite(parameter.grad).all()

    def test_bad_shapes(self, name):
        fuser = build(name)
        vis, ir = pair(1, 32, 32)
        for bad in ((vis[:, :1], ir), (vis, vis), (vis, ir[..., :16]),
                    (vis[0], ir[0]), (vis.repeat(2, 1, 1, 1), ir)):
            with pytest.raises(ValueError, match=f'{name}: expected'):
                fuser(*bad)

    @torch.no_grad()
    def test_text(self, name):
        """Where one is needed: demanded, and padding is masked."""
        fuser = build(name).eval()
        assert isinstance(type(fuser).needs_text, bool)
        if not fuser.needs_text:
            return
        vis, ir = pair(2, 32, 40)
        with pytest.raises(ValueError, match=f'{name}: expected text'):
            fuser(vis, ir)
        text = condition(fuser, 2)['text']
        mask = torch.ones(text.shape[:2], dtype=torch.bool)
        mask[1, 2:] = False
        together = fuser(vis, ir, text=text, text_mask=mask).fused
        for i, length in enumerate((5, 2)):
            alone = fuser(vis[i:i + 1], ir[i:i + 1],
                          text=text[i:i + 1, :length])
            torch.testing.assert_close(together[i:i + 1], alone.fused)

    @pytest.mark.no_cover
    def test_exportable(self, name):
        """``torch.export`` accepts what is flagged, at the same numbers."""
        fuser = build(name).eval()
        assert isinstance(type(fuser).exportable, bool)
        if not type(fuser).exportable:
            return
        vis, ir = pair(1, 64, 64)
        text = condition(fuser, 1)

        class Fused(torch.nn.Module):

            def __init__(self):
                super().__init__()
                self.fuser = fuser

            def forward(self, vis, ir, **text):
                return self.fuser(vis, ir, **text).fused

        program = torch.export.export(Fused(), (vis, ir), text)
        torch.testing.assert_close(program.module()(vis, ir, **text),
                                   fuser(vis, ir, **text).fused, atol=1e-5,
                                   rtol=0)
