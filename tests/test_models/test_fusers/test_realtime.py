"""The real-time student: sizes, modes, backbones."""
import pytest
import torch

from mmfusion.analysis.complexity import count_flops, count_parameters
from mmfusion.models.fusers import RealtimeFusionNet
from mmfusion.registry import MODELS


class Stacked(torch.nn.Module):

    def __init__(self, fuser):
        super().__init__()
        self.fuser = fuser

    def forward(self, inputs):
        return self.fuser(inputs[:, :3], inputs[:, 3:]).fused


def pair(height=64, width=64, batch=1):
    generator = torch.Generator().manual_seed(0)
    stacked = torch.rand(batch, 4, height, width, generator=generator)
    return stacked[:, :3], stacked[:, 3:]


def build(**kwargs):
    torch.manual_seed(0)
    return RealtimeFusionNet(**{'size': 'tiny', **kwargs}).eval()


@pytest.mark.parametrize('size, parameters, gmacs', [
    ('base', (4364023, 4363015), (18.198, 21.440)),
    ('small', (2889309, 2888589), (10.517, 12.419)),
    ('tiny', (1368159, 1367583), (5.478, 6.480)),
])
def test_parameters_and_operations(size, parameters, gmacs):
    three, one = (RealtimeFusionNet(size, channels) for channels in (3, 1))
    assert (count_parameters(three), count_parameters(one)) == parameters
    counted = tuple(
        count_flops(Stacked(three.eval()), shape)[''] / 2e9
        for shape in ((512, 512), (480, 640)))
    assert counted == pytest.approx(gmacs, abs=6e-4)


def test_parts_of_the_base_network():
    fuser = MODELS.build(dict(type='RealtimeFusionNet'))
    assert count_parameters(fuser.vis_encoder) == 1480256
    assert [count_parameters(block)
            for block in fuser.fusion] == [14970, 33010, 204826, 566394]
    assert [count_parameters(block)
            for block in fuser.decoder] == [347564, 162500, 60636]
    assert [
        count_parameters(part)
        for part in (fuser.to_full, fuser.detail, fuser.head)
    ] == [1200, 1344, 10416 + 651]


@pytest.mark.parametrize('size', [(480, 640), (333, 500), (31, 70)])
@torch.no_grad()
def test_range_and_shape(size):
    vis, ir = pair(*size)
    fused = build()(vis, ir).fused
    assert fused.shape == (1, 3, *size)
    assert fused.min() >= 0 and fused.max() <= 1


@torch.no_grad()
def test_features():
    output = build()(*pair(64, 96), return_features=True)
    assert {
        key: tuple(value.shape[1:]) for key, value in output.aux.items()
    } == dict(scale2=(16, 32, 48), scale4=(24, 16, 24), scale8=(48, 8, 12),
              scale16=(96, 4, 6))
    assert not build()(*pair()).aux


@torch.no_grad()
def test_luminance_mode_keeps_chrominance():
    fuser = build(out_mode='y', clamp=False)
    vis, ir = pair()
    output = fuser(vis, ir)
    assert output.luma.shape == (1, 1, 64, 64)
    _, expected = fuser.split_colour(vis)
    luma, cbcr = fuser.split_colour(output.fused)
    torch.testing.assert_close(cbcr, expected, atol=2e-3, rtol=0)
    torch.testing.assert_close(luma, output.luma, atol=2e-3, rtol=0)


@torch.no_grad()
def test_one_channel_is_the_sum_of_three():
    fuser, (vis, ir) = build(), pair(50, 70)
    narrow = fuser.to_one_channel()
    assert count_parameters(narrow) == 1367583
    torch.testing.assert_close(
        narrow(vis, ir).fused,
        fuser(vis, ir).fused, atol=1e-5, rtol=0)
    assert set(narrow.state_dict()) == set(build(ir_channels=1).state_dict())
    assert narrow.to_one_channel() is narrow


def test_optimized_copy_has_no_norm_behind_convolutions():
    fast = build().optimize_for_inference()
    for module in fast.modules():
        if isinstance(module, torch.nn.Sequential):
            kinds = [type(layer).__name__ for layer in module]
            assert ('Conv2d',
                    'BatchNorm2d') not in zip(kinds, kinds[1:], strict=False)


@pytest.mark.parametrize('name', ['mobilenetv3_small_100', 'resnet18'])
def test_timm_backbone(tmp_path, name):
    """Weights of a file reach both encoders, summed for one channel."""
    source = build(backbone=name).vis_encoder.network
    path = tmp_path / 'weights.pth'
    torch.save(source.state_dict(), path)
    fuser = build(backbone=name, backbone_checkpoint=str(path), ir_channels=1)
    first = next(iter(source.state_dict()))
    ours = fuser.ir_encoder.network.state_dict()[first]
    expected = source.state_dict()[first]
    torch.testing.assert_close(ours, expected.sum(1, keepdim=True))
    assert torch.equal(fuser.vis_encoder.network.state_dict()[first], expected)
    fuser.train()
    fuser(*pair(batch=2)).fused.mean().backward()
    assert all(p.grad is not None for p in fuser.parameters())


def test_bad_arguments(tmp_path):
    for bad in (dict(size='huge'), dict(ir_channels=2), dict(out_mode='x'),
                dict(backbone_checkpoint='x.pth')):
        with pytest.raises(ValueError, match='expected'):
            build(**bad)
    with pytest.raises(ValueError, match='Expected a backbone of timm'):
        build(backbone='no_such_network')
    with pytest.raises(ValueError, match='with maps at'):
        build(backbone='vit_tiny_patch16_224')
