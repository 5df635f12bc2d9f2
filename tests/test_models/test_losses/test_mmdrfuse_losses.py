"""Losses of MMDRFuse: golden numbers, an independent reference, limits."""
import piq
import pytest
import torch
import torch.nn.functional as F
from torchvision.models import vgg

from mmfusion.functional.gradient_similarity import gradient_deviation
from mmfusion.functional.image import Image
from mmfusion.functional.ops_torch import TORCH
from mmfusion.functional.ssim import mean_ssim
from mmfusion.models.fusers import MMDRFuseStudent, MMDRFuseTeacher
from mmfusion.models.layers import VGGFeatures, laplacian, shared_features
from mmfusion.models.losses import (cosine_distillation_loss, gmsd_loss,
                                    laplacian_loss, max_intensity_loss,
                                    max_perceptual_loss)
from mmfusion.registry import MODELS
from mmfusion.structures import FuserOutput
from mmfusion.utils.checkpoint import load_fuser_weights

NARROW = dict(type='VGGFeatures', depth=19, width=0.05, allow_random=True)


def ramps():
    """Infrared and visible luminance, (1, 1, 64, 64) each."""
    i, j = torch.meshgrid(torch.arange(64), torch.arange(64), indexing='ij')
    return (((3 * i + 5 * j) % 256 / 255)[None, None],
            ((7 * i + 2 * j) % 256 / 255)[None, None])


def similarity(one, two):
    return mean_ssim(*(Image(255 * x[:, 0], TORCH) for x in (one, two)))


def deviation(one, two):
    return gradient_deviation(*(Image(255 * x[:, 0], TORCH)
                                for x in (one, two)))


def test_golden_without_weights():
    a, v = ramps()
    assert similarity(a, v).item() == pytest.approx(0.430421, abs=1e-5)
    assert deviation(a, v).item() == pytest.approx(0.258607, abs=1e-5)
    assert gmsd_loss(a, v, v).item() == pytest.approx(0.258607, abs=1e-5)


def test_golden_with_published_weights(published_weights, tmp_path):
    from convert import convert_file
    a, v = ramps()
    found = {}
    for name, kind in (('student', MMDRFuseStudent), ('teacher',
                                                      MMDRFuseTeacher)):
        path = str(tmp_path / name)
        convert_file(str(published_weights / 'mmdrfuse' / f'{name}.model'),
                     path, 'mmdrfuse')
        fuser = kind().eval()
        load_fuser_weights(fuser, path)
        with torch.no_grad():
            luma, aux = fuser.fuse_luma(v, a)
        found[name] = luma, next(iter(aux.values()))
    close = dict(abs=2e-6, rel=0)
    student, teacher = (found[name][0] for name in found)
    for luma, intensity, gradient in ((student, 0.070635, 1.03141e-4),
                                      (teacher, 0.036097, 1.38622e-4)):
        assert max_intensity_loss(luma, v, a).item() == pytest.approx(
            intensity, **close)
        assert 0.1 * laplacian_loss(luma, v, a).item() == pytest.approx(
            gradient, abs=1e-8)
    for other, ssim, gmsd in ((a, 0.624650, 0.185333), (v, 0.703373,
                                                        0.151816)):
        assert similarity(student,
                          other).item() == pytest.approx(ssim, abs=1e-5)
        assert deviation(student,
                         other).item() == pytest.approx(gmsd, abs=1e-5)
    pairs = [
        2 * cosine_distillation_loss(
            found['student'][k], found['teacher'][k]).item() for k in (1, 0)
    ]
    assert pairs == pytest.approx([0.098314, 0.005661], abs=3e-6)
    assert 5 * sum(pairs) / 2 == pytest.approx(0.259938, abs=1e-5)


def test_gmsd_of_another_library():
    """piq divides by N, not N - 1, and pads; the inside decides."""
    one, two = torch.rand(2, 3, 1, 200, 240)
    ours = deviation(one, two)
    theirs = piq.gmsd(one, two, reduction='none')
    assert torch.allclose(ours, theirs, rtol=2e-2)


def test_distillation_is_the_normalized_distance():
    student, teacher = torch.rand(2, 4, 5, 6), torch.rand(2, 3, 5, 6)
    s, t = student.sum(1), teacher.sum(1)
    expected = (s / s.norm() - t / t.norm()).square().sum() / 2
    loss = cosine_distillation_loss(student, teacher)
    assert loss.item() == pytest.approx(expected.item(), rel=1e-4)
    assert cosine_distillation_loss(student, 3 * student).item() == \
        pytest.approx(0, abs=1e-6)
    zero = torch.zeros_like(student, requires_grad=True)
    loss = cosine_distillation_loss(zero, teacher)
    loss.backward()
    assert loss.item() == pytest.approx(1)
    assert torch.isfinite(zero.grad).all()


def test_laplacian_by_hand():
    x = torch.zeros(1, 2, 4, 5)
    x[0, :, 1, 2] = 8
    expected = torch.zeros_like(x)
    expected[0, :, 0:3, 1:4] = 1
    expected[0, :, 1, 2] = -8
    torch.testing.assert_close(laplacian(x), expected)


@pytest.mark.parametrize('loss', [gmsd_loss, laplacian_loss])
def test_gradients(loss):
    sources = torch.rand(2, 1, 1, 11, 12, dtype=torch.float64)
    fused = torch.rand(1, 1, 11, 12, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: loss(x, *sources), fused)


def test_gmsd_of_equal_and_flat_images():
    x = torch.rand(1, 1, 16, 16, requires_grad=True)
    flat = torch.full((1, 1, 16, 16), 0.5, requires_grad=True)
    for image, other in ((x, x.detach()), (flat, torch.zeros(1, 1, 16, 16)),
                         (flat, x.detach())):
        loss = gmsd_loss(image, other, other)
        loss.backward()
        assert torch.isfinite(image.grad).all()
    assert gmsd_loss(x, x, x) < 1e-6
    with pytest.raises(ValueError, match='8 pixels'):
        gmsd_loss(x[..., :7, :], x[..., :7, :], x[..., :7, :])


def test_vgg_taps_are_those_of_the_prefixes(tmp_path):
    """One pass with five taps equals five prefixes of torchvision's net."""
    torch.manual_seed(0)
    whole = nn_features()
    path = tmp_path / 'vgg.pth'
    torch.save(
        {
            f'features.{key}': value
            for key, value in whole.state_dict().items()
        }, path)
    features = VGGFeatures(
        init_cfg=dict(type='Pretrained', checkpoint=str(path)))
    image = torch.rand(2, 1, 32, 32)
    with torch.no_grad():
        found = features(image)
        for tap, last in zip(features.taps, (3, 8, 17, 26, 35), strict=True):
            assert torch.allclose(found[tap],
                                  whole[:last + 1](image.repeat(1, 3, 1, 1)))
    assert not any(p.requires_grad for p in features.parameters())


def nn_features():
    return vgg.make_layers(vgg.cfgs['E']).eval()


def test_vgg_of_conv_taps_and_normalized_input():
    features = VGGFeatures(depth=11, taps=('conv1_1', 'relu1_1', 'pool1'),
                           width=0.1, normalize=True, allow_random=True)
    image = torch.rand(1, 3, 8, 8)
    found = features(image)
    mean = torch.tensor([0.485, 0.456, 0.406])[:, None, None]
    std = torch.tensor([0.229, 0.224, 0.225])[:, None, None]
    conv = features.features[0]((image - mean) / std)
    assert torch.allclose(found['conv1_1'], conv, atol=1e-6)
    assert torch.allclose(found['relu1_1'], conv.relu(), atol=1e-6)
    assert torch.allclose(found['pool1'], F.max_pool2d(conv.relu(), 2),
                          atol=1e-6)


@pytest.mark.parametrize('wrong,match', [
    (dict(), 'expected weights, got none'),
    (dict(depth=12), 'Expected depth'),
    (dict(taps=('relu9_1', )), 'Expected taps'),
    (dict(taps=()), 'Expected taps'),
    (dict(init_cfg=dict(type='Xavier')), 'Pretrained'),
])
def test_vgg_arguments(wrong, match):
    with pytest.raises(ValueError, match=match):
        VGGFeatures(**wrong)


def test_vgg_refuses_another_network(tmp_path):
    path = tmp_path / 'vgg.pth'
    torch.save({'features.0.weight': torch.rand(64, 3, 3, 3)}, path)
    cfg = dict(type='Pretrained', checkpoint=str(path))
    with pytest.raises(ValueError, match='features.0.bias'):
        VGGFeatures(init_cfg=cfg)
    with pytest.raises(FileNotFoundError):
        VGGFeatures(init_cfg=dict(cfg, checkpoint=str(tmp_path / 'none')))


def test_features_are_shared_and_kept():
    one, two = (shared_features(dict(NARROW)) for _ in range(2))
    assert one is two
    assert shared_features(dict(NARROW, width=0.06)) is not one
    calls = []
    one.features[0].register_forward_hook(lambda *_: calls.append(1))
    image = torch.rand(1, 1, 32, 32).requires_grad_() * 1
    first = one.kept(image)
    assert one.kept(image) is first and len(calls) == 1
    with torch.no_grad():  # without a graph they are others
        assert not one.kept(image)['relu1_2'].requires_grad
        image += 1
    second = one.kept(image)
    assert second is not first and len(calls) == 3
    sum(x.sum() for x in second.values()).backward()
    del image, first, second  # as after a step
    assert one._last is None


def test_perceptual_loss():
    loss = MODELS.build(
        dict(type='MaxPerceptualLoss', features=NARROW, loss_weight=2.))
    assert loss.state_dict() == {} and not list(loss.parameters())
    fused, vis, ir = torch.rand(3, 2, 1, 32, 32)
    fused.requires_grad_()
    value = loss(FuserOutput(fused.expand(-1, 3, -1, -1), fused),
                 dict(vis_luma=vis, ir=ir))
    features = shared_features(NARROW)
    f, a, b = (features(x) for x in (fused, ir, vis))
    expected = 2 * sum(
        F.mse_loss(f[tap], torch.maximum(a[tap], b[tap]))
        for tap in features.taps) / 5
    assert value.item() == pytest.approx(expected.item(), rel=1e-5)
    assert max_perceptual_loss(f, f, f, features.taps) < 1e-9
    value.backward()
    assert fused.grad.abs().sum() > 0


@pytest.mark.parametrize('kind',
                         ['l1', 'mse', 'smooth_l1', 'ssim', 'laplacian'])
def test_distances(kind):
    loss = MODELS.build(
        dict(type='DistanceLoss', distance=kind, loss_weight=3.))
    x, y = torch.rand(2, 2, 3, 16, 16)
    plain = dict(
        l1=lambda: (x - y).abs().mean(), mse=lambda: (x - y).square().mean(),
        smooth_l1=lambda: F.smooth_l1_loss(x, y), ssim=lambda: 1 - torch.stack(
            [similarity(x[:, k:k + 1], y[:, k:k + 1])
             for k in range(3)]).mean(), laplacian=lambda:
        (laplacian(x) - laplacian(y)).square().mean())
    assert loss(x, y).item() == pytest.approx(3 * plain[kind]().item(),
                                              rel=1e-4)
    assert loss(x, x).item() == pytest.approx(0, abs=1e-5)


def test_unknown_distance():
    with pytest.raises(ValueError, match="'l1', 'mse'"):
        MODELS.build(dict(type='DistanceLoss', distance='l3'))


@pytest.mark.parametrize('name,function', [('LaplacianLoss', laplacian_loss),
                                           ('GMSDLoss', gmsd_loss)])
def test_luma_shells(name, function):
    loss = MODELS.build(dict(type=name, loss_weight=0.5))
    fused, vis, ir = torch.rand(3, 2, 1, 16, 16)
    value = loss(FuserOutput(fused.expand(-1, 3, -1, -1), fused),
                 dict(vis_luma=vis, ir=ir))
    assert value.item() == pytest.approx(0.5 * function(fused, vis, ir).item(),
                                         rel=1e-5)
