"""DIDFuse's and LRRNet's losses, written down again."""
import numpy as np
import pytest
import torch

from mmfusion.models.fusers import DIDFuse
from mmfusion.models.layers import shared_features
from mmfusion.models.losses import DecompositionLoss, LRRNetLoss
from mmfusion.structures import FuserOutput

TAPS = ('relu1_2', 'relu2_2', 'relu3_3', 'relu4_3')
NARROW = dict(type='VGGFeatures', depth=16, taps=TAPS, width=0.05,
              allow_random=True)


def kornia_gradient(image):
    """Sobel of unit sum of absolute values, replicated border."""
    x = np.pad(image.double().numpy()[0, 0], 1, mode='edge')
    smooth = x[:-2] + 2 * x[1:-1] + x[2:]
    along = (smooth[:, 2:] - smooth[:, :-2]) / 8
    smooth = x[:, :-2] + 2 * x[:, 1:-1] + x[:, 2:]
    return np.stack((along, (smooth[2:] - smooth[:-2]) / 8))


def test_didfuse():
    torch.manual_seed(0)
    fuser = DIDFuse(channels=4, autoencoder=True).train()
    vis, ir = torch.rand(2, 1, 1, 12, 13)
    fused, aux = fuser.fuse_luma(vis, ir)
    assert not fused.requires_grad
    terms = DecompositionLoss(loss_weight=2.)(FuserOutput(
        fused.expand(-1, 3, -1, -1), fused, aux), dict(vis_luma=vis, ir=ir))

    def away(part):
        return np.tanh(
            (aux[f'ir_{part}'] - aux[f'vis_{part}']).abs().mean().item())

    edges = np.abs(
        kornia_gradient(aux['vis_rec'].detach()) -
        kornia_gradient(vis)).mean()
    expected = dict(base=2 * away('base'), detail=-away('detail'),
                    gradient=20 * edges)
    assert {
        k: v.item() for k, v in terms.items()
    } == pytest.approx(expected, abs=1e-5)
    sum(terms.values()).backward()
    # what the maps were made of; the decoder needs all
    assert all(p.grad is not None for p in fuser.parameters())


def test_didfuse_alone():
    image = torch.rand(1, 1, 8, 8)
    with pytest.raises(ValueError, match='Use DIDFuse'):
        DecompositionLoss()(FuserOutput(image), dict(vis_luma=image, ir=image))


def test_lrrnet():
    torch.manual_seed(0)
    fused, vis, ir = torch.rand(3, 2, 1, 32, 32)
    fused.requires_grad_()
    loss = LRRNetLoss(NARROW, loss_weight=0.5)
    assert not list(loss.parameters())
    terms = loss(FuserOutput(fused.expand(-1, 3, -1, -1), fused),
                 dict(vis_luma=vis, ir=ir))
    network = shared_features(NARROW)

    def layers(image):
        x, found = (255 * image).repeat(1, 3, 1, 1), []
        for name, layer in zip(network.names, network.features, strict=True):
            x = layer(x)
            if name in TAPS:
                found.append(x.clone())
        return found

    def squares(a, b):
        return ((a - b)**2).mean()

    def gram(x):
        return torch.einsum('bchw,bdhw->bcd', x, x) / x[0].numel()

    o, v, i = (layers(x) for x in (fused, vis, ir))
    expected = dict(pixel=10 * squares(255 * fused, 255 * vis),
                    shallow=1.5 * squares(o[0], v[0]),
                    middle=0.01 * squares(o[1], 3 * i[1] + 0.5 * v[1]),
                    deep=0.5 * squares(o[2], 3 * i[2] + 0.5 * v[2]),
                    gram=2000 * squares(gram(o[3]), gram(i[3])))
    assert list(terms) == list(expected)
    for name, value in expected.items():
        torch.testing.assert_close(terms[name], value / 2)
    sum(terms.values()).backward()
    assert fused.grad.isfinite().all() and fused.grad.any()


def test_lrrnet_without_features():
    fused, vis, ir = torch.rand(3, 1, 1, 8, 8)
    terms = LRRNetLoss()(FuserOutput(fused.expand(-1, 3, -1, -1), fused),
                         dict(vis_luma=vis, ir=ir))
    assert list(terms) == ['pixel']
    with pytest.raises(ValueError, match='expected weights, got none'):
        LRRNetLoss(dict(type='VGGFeatures', depth=16, taps=TAPS))
