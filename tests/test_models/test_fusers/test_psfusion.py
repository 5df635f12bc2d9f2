"""PSFusion: golden numbers, an independent transcription, fast inference."""
import numpy as np
import pytest
import torch

from mmfusion.registry import MODELS
from tests.support.psfusion_cases import (OUTPUTS, SLIM, assert_close, build,
                                          fill, naive, outputs, slim)
from tests.support.references.psfusion import (reference_input,
                                               reference_shapes,
                                               reference_state_dict)

# mean, std, min, max; then the values at PIXELS of the first and last channel
PIXELS = ((0, 0), (10, 20), (40, 77), (63, 95))
GOLDEN = dict(
    semantic=((-0.026642, 0.197036, -0.396724,
               0.550184), (-0.033816, -0.117290, -0.334824, -0.093979),
              (0.041268, 0.383764, 0.485232, 0.171341)),
    binary=((-0.380647, 0.165375, -0.725856, 0.092871), (-0.280235, -0.457749,
                                                         -0.354627, -0.287072),
            (-0.123440, -0.580064, -0.281815, -0.070029)),
    boundary=((-0.179898, 0.177084, -0.553631,
               0.308261), (-0.259006, -0.419869, -0.467771, -0.258744),
              (-0.253765, -0.064061, -0.073270, -0.080746)),
    fused=((0.271349, 0.223887, 0.000621, 0.987450),
           (0.218795, 0.340787, 0.029996, 0.449639), (0.218795, 0.340787,
                                                      0.029996, 0.449639)),
    vis_rec=((0.461246, 0.187034, 0.012601, 0.945956),
             (0.416426, 0.570659, 0.629628, 0.610040), (0.416426, 0.570659,
                                                        0.629628, 0.610040)),
    ir_rec=((0.471586, 0.165022, 0.037788, 0.945328),
            (0.267320, 0.544176, 0.544140, 0.466897), (0.267320, 0.544176,
                                                       0.544140, 0.466897)))


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
        assert torch.allclose(parameter.grad, other, rtol=1e-6, atol=1e-9), key
    buffers = dict(reference.named_buffers())
    for key, buffer in fuser.named_buffers():
        assert torch.allclose(buffer, buffers[psfusion_key(key)]), key


def test_converter_round_trip(tmp_path):
    from convert import convert_file
    state = reference_state_dict()
    checkpoint = dict(
        MTAN=state, optimizer=dict(state={0: dict(step=3)},
                                   param_groups=[dict(lr=0.1)]), ep=7,
        total_it=70, best_mIou=np.float64(0.5))
    paths = [tmp_path / f'{name}.pth' for name in ('theirs', 'ours', 'back')]
    torch.save(checkpoint, paths[0])
    convert_file(paths[0], paths[1], 'psfusion')
    ours = torch.load(paths[1], weights_only=True)
    assert len(ours['state_dict']) == 1360 - 8
    assert len(ours['meta']['unused']) == 8
    fuser = build(init_cfg=dict(type='Pretrained', checkpoint=str(paths[1])))
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
    assert {
        k: v.shape[1:] for k, v in output.aux.items()
    } == dict(semantic=(9, *size), binary=(2, *size), boundary=(2, *size),
              vis_rec=(1, *size), ir_rec=(1, *size))
    for value in (output.luma, output.fused, *output.aux.values()):
        assert value.isfinite().all()
    assert output.fused.min() >= 0 and output.fused.max() <= 1


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
        torch.testing.assert_close(output.luma, fuser(vis, ir).luma)
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
            backbone_init_cfg=dict(type='Pretrained', checkpoint=str(path),
                                   prefix=prefix))
        fuser.init_weights()
        for encoder in (fuser.vis_encoder, fuser.ir_encoder):
            assert torch.equal(encoder[1][4].weight,
                               state[f'{prefix}bn1.weight'])
            assert torch.equal(encoder[2][1][0].conv1.weight,
                               state[f'{prefix}layer1.0.conv1.weight'])
            assert torch.equal(encoder[3][0].downsample[0].weight,
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
            **SLIM, backbone_init_cfg=dict(type='Pretrained',
                                           checkpoint=str(path)))
        with pytest.raises(ValueError, match='missing.*1.conv1.weight'):
            fuser.init_weights()

    def test_no_file(self):
        fuser = build(
            **SLIM, backbone_init_cfg=dict(type='Pretrained',
                                           checkpoint='no.pth'))
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
                key: value.shape for key, value in resnet.items()
                if key.startswith(f'{name}.')
            }
