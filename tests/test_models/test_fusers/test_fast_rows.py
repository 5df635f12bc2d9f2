"""The engine that runs layers band by band, and how forms are found."""
import copy
from contextlib import nullcontext

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from mmfusion.deployment.slim_fusers import SLIM_FUSERS
from mmfusion.models.fusers import AverageFuser, BaseFuser, TransFuser6
from mmfusion.models.fusers.fast import rows as rows_module
from mmfusion.models.fusers.fast.fold import fold_norms
from mmfusion.models.fusers.fast.rows import Rows, bands, by_rows, join
from mmfusion.registry import FAST_FORMS, MODELS


class TestRows:

    @pytest.mark.parametrize('step', [2, 3, 5, 13])
    def test_bands_cover_the_image_once(self, monkeypatch, step):
        monkeypatch.setattr(rows_module, 'BUDGET', 2 * 7 * 3 * 4 * step)
        for height in range(1, 14):
            parts = bands(torch.empty(2, 3, height, 7))
            assert [y for rows in parts for y in range(rows.first, rows.end)
                    ] == list(range(height))
            heights = [rows.end - rows.first for rows in parts]
            assert max(heights) <= step
            assert len(set(heights[:-1])) < 2 and heights[0] >= heights[-1]
            assert {rows.height for rows in parts} == {height}

    def test_bands_fit_the_budget(self, monkeypatch):
        monkeypatch.setattr(rows_module, 'BUDGET', 4096)
        image = torch.empty(1, 8, 64, 16)
        assert len(bands(image)) == 8
        assert len(bands(image, channels=16)) == 16
        assert len(bands(image.double())) == 16
        assert len(bands(image, channels=16, halo=8)) == 4
        assert len(bands(image[:, :, :8])) == 1
        assert [rows.end
                for rows in bands(image, height=32)] == [*range(4, 36, 4)]

    def test_a_single_band_off_the_cpu(self, monkeypatch):
        monkeypatch.setattr(rows_module, 'BUDGET', 1)
        image = torch.empty(1, 8, 64, 16, device='meta')
        assert bands(image) == [Rows(0, 64, 64)]
        assert len(bands(torch.empty(1, 8, 64, 16))) == 32

    def test_widen_and_cut(self):
        x = torch.arange(24.).view(1, 1, 12, 2)
        rows = Rows(2, 4, 6)
        wide = rows.widen(3)
        assert wide == (0, 6, 6) and rows.widen(1) == (1, 5, 6)
        assert torch.equal(rows.of(x, 2), x[:, :, 4:8])
        assert torch.equal(rows.within(wide, wide.of(x, 2), 2), x[:, :, 4:8])

    def test_by_rows(self, monkeypatch):
        """Inputs and results of several scales; results in place."""
        monkeypatch.setattr(rows_module, 'BUDGET', 2 * 5 * 3 * 4 * 4)
        x, half = torch.randn(2, 3, 26, 5), torch.randn(2, 3, 13, 5)
        calls = []

        def function(x, half):
            calls.append(x.shape[2])
            half = F.avg_pool2d(half, (3, 1), 1, padding=(1, 0))
            return x - half.repeat_interleave(2, dim=2)

        got = by_rows(function, x, half, halo=1)
        assert len(calls) > 3 and max(calls) < 26
        torch.testing.assert_close(got, function(x, half))
        assert got.is_contiguous(memory_format=torch.channels_last)
        calls.clear()
        by_rows(function, x, half, halo=1, channels=300)
        assert max(calls) == 2 * 4 and min(calls) == 2 * 2
        kept = x.clone()
        assert by_rows(torch.neg, x, out=x) is x
        assert torch.equal(x, -kept)

    def test_join_writes_where_it_is_told(self):
        out = torch.zeros(1, 1, 4, 2)
        for parts in ([Rows(0, 4, 4)], [Rows(0, 3, 4), Rows(3, 4, 4)]):
            out.zero_()
            got = join(parts,
                       lambda rows: torch.ones(1, 1, rows.end - rows.first, 2),
                       out)
            assert got is out and (out == 1).all()


def record_bands(monkeypatch) -> list[int]:
    """Number of bands of each cover from now on."""
    counts = []

    def recorded(parts, make, out=None):
        counts.append(len(parts))
        return join(parts, make, out)

    for name in ('rows', 'transfuser6'):
        monkeypatch.setattr(f'mmfusion.models.fusers.fast.{name}.join',
                            recorded)
    return counts


@pytest.mark.parametrize('name', ['TransFuser6', 'PSFusion'])
def test_no_bands_off_the_cpu(name, monkeypatch):
    monkeypatch.setattr(rows_module, 'BUDGET', 1)
    counts = record_bands(monkeypatch)
    fuser = MODELS.build(dict(type=name, **SLIM_FUSERS.get(name, {})))
    fast = fuser.optimize_for_inference()
    vis, ir = torch.rand(1, 3, 64, 64), torch.rand(1, 1, 64, 64)
    with torch.no_grad():
        fast(vis, ir)
        assert max(counts) > 1
        counts.clear()
        # which knows no such device
        monkeypatch.setattr(torch, 'autocast', lambda *_, **__: nullcontext())
        output = fast.to('meta')(vis.to('meta'), ir.to('meta'))
    assert output.fused.device.type == 'meta'
    assert counts and set(counts) == {1}


class TestForms:
    """Which form a fuser gets."""

    @pytest.mark.parametrize('name', [
        'FILMFusion', 'MMDRFuseStudent', 'MMDRFuseTeacher', 'PSFusion',
        'RealtimeFusionNet', 'TransFuser6'
    ])
    @torch.no_grad()
    def test_independent_of_the_trained_one(self, name):
        """And of its own copies, in another type too."""
        torch.manual_seed(0)
        fuser = MODELS.build(dict(type=name, **SLIM_FUSERS.get(name, {})))
        fuser.eval()
        for module in fuser.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.running_mean.normal_(0, 0.1)
                module.running_var.uniform_(0.5, 1.5)
        fast = fuser.optimize_for_inference()
        assert isinstance(fast, type(fuser)) and not fast.training
        assert len(list(fast.parameters())) != len(list(fuser.parameters())) \
            or fast.state_dict().keys() != fuser.state_dict().keys()
        inputs = dict(vis=torch.rand(2, 3, 45, 50),
                      ir=torch.rand(2, 1, 45, 50))
        if fuser.needs_text:
            inputs['text'] = torch.randn(2, 5, fuser.text_channels)
        doubled = copy.deepcopy(fast).double()
        expected = fuser(**inputs).fused
        for parameter in fuser.parameters():
            parameter.zero_()
        torch.testing.assert_close(
            fast(**inputs).fused, expected, atol=1e-5, rtol=0)
        double = doubled(**{k: v.double() for k, v in inputs.items()}).fused
        assert double.dtype == torch.float64
        torch.testing.assert_close(double.float(), expected, atol=1e-5, rtol=0)

    def test_of_a_users_fuser(self, monkeypatch):
        monkeypatch.setattr(FAST_FORMS, '_module_dict',
                            dict(FAST_FORMS.module_dict))

        class Mine(BaseFuser):

            def fuse_luma(self, vis_luma, ir):
                return vis_luma

        class Derived(Mine):
            pass

        class Other(Mine):

            def fuse_luma(self, vis_luma, ir):
                return super().fuse_luma(vis_luma, ir) / 2

        @FAST_FORMS.register_module(name='Mine')
        def fast_mine(fuser):
            fuser.is_fast = True

        assert Mine().optimize_for_inference().is_fast
        assert Derived().optimize_for_inference().is_fast
        assert not hasattr(Other().optimize_for_inference(), 'is_fast')

    def test_of_a_class_that_changes_what_is_fused(self):
        """A form may not pass over it."""

        class Darker(TransFuser6):

            def fuse_luma(self, vis_luma, ir):
                return super().fuse_luma(vis_luma, ir) / 2

        fuser = Darker(stem_channels=4, channels=(8, 12, 16, 24),
                       heads=(2, 3, 4, 4)).eval()
        vis, ir = torch.rand(1, 3, 16, 16), torch.rand(1, 1, 16, 16)
        with torch.no_grad():
            torch.testing.assert_close(
                fuser.optimize_for_inference()(vis, ir).luma,
                fuser(vis, ir).luma)

    def test_method_of_a_fuser(self):
        """What a fuser says itself comes first."""

        class Own(AverageFuser):

            rearranged = False

            def _optimize(self):
                self.rearranged = True

        fuser = Own()
        assert fuser.optimize_for_inference().rearranged
        assert not fuser.rearranged


def test_folding_leaves_alone_what_it_does_not_know():

    class Kin(nn.BatchNorm2d):

        def forward(self, x):
            return super().forward(x).relu()

    torch.manual_seed(0)
    shared = nn.BatchNorm2d(4)
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4),
                        nn.BatchNorm2d(4), nn.ReLU(), nn.BatchNorm2d(4),
                        nn.Sequential(nn.Conv2d(4, 4, 1, bias=False), Kin(4)),
                        nn.ModuleDict(dict(a=nn.Conv2d(4, 4, 1), b=shared)))
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.running_mean)
            nn.init.uniform_(module.running_var, 0.5, 2)
    net.eval().requires_grad_(False)
    x = torch.rand(1, 3, 6, 6)
    expected = net[:6](x)
    fold_norms(net)
    assert [type(layer).__name__ for layer in net[:5]
            ] == ['Conv2d', 'Identity', 'Identity', 'ReLU', 'BatchNorm2d']
    assert type(net[5][1]) is Kin and net[6]['b'] is shared
    assert not any(p.requires_grad for p in net.parameters())
    torch.testing.assert_close(net[:6](x), expected, atol=1e-5, rtol=0)
