"""Losses of SeAFusion, U2Fusion and SAGE."""
import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from mmfusion.models.losses import ohem_cross_entropy
from mmfusion.registry import MODELS
from mmfusion.structures import FuserOutput

FEATURES = dict(type='VGGFeatures', depth=16, width=0.05, allow_random=True,
                normalize=True, taps=('relu1_2', 'relu2_2', 'relu5_3'))


def pair(batch=2, side=24):
    generator = torch.Generator().manual_seed(0)
    return torch.rand(2, batch, 1, side, side, generator=generator)


def call(loss, fused, vis, ir):
    return loss(FuserOutput(fused.expand(-1, 3, -1, -1), fused),
                dict(vis_luma=vis, ir=ir))


# ----------------------------------------------------------------------- OHEM
def test_ohem_of_a_head():
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(2, 4, 8, 10, generator=generator)
    target = torch.randint(0, 4, (2, 8, 10), generator=generator)
    target[0, :3] = 255
    loss = MODELS.build(
        dict(type='OHEMCrossEntropyLoss', threshold=0.9, loss_weight=2.))
    losses = F.cross_entropy(logits, target, ignore_index=255,
                             reduction='none').flatten().numpy()
    hard = losses[losses > -math.log(0.9)]
    assert len(hard) > 80  # of one image
    got = loss(logits, target, weight=None, ignore_index=255)
    assert got.item() == pytest.approx(2 * hard.mean(), rel=1e-5)
    # of an easy batch, as many as one image has
    easy = 9. * F.one_hot(target.clamp(max=3), 4).permute(0, 3, 1, 2).float()
    got = loss(easy, target)
    torch.testing.assert_close(got,
                               2 * ohem_cross_entropy(easy, target, 0.9, 80))
    assert loss.loss_name == 'loss_ohem'


def test_ohem_refuses_what_it_would_ignore():
    loss = MODELS.build(dict(type='OHEMCrossEntropyLoss'))
    logits, target = torch.zeros(1, 2, 3, 3), torch.zeros(1, 3, 3).long()
    with pytest.raises(ValueError, match='ignore_index=0'):
        loss(logits, target, ignore_index=0)
    with pytest.raises(ValueError, match='without sampler'):
        loss(logits, target, weight=torch.ones(1, 3, 3))
    for bad in (dict(threshold=1.), dict(min_kept=0)):
        with pytest.raises(ValueError, match='Expected'):
            MODELS.build(dict(type='OHEMCrossEntropyLoss', **bad))


# ------------------------------------------------------------------- U2Fusion
def test_information_by_hand():
    loss = MODELS.build(
        dict(type='InformationPreservationLoss', temperature=250.))
    vis, ir = pair()
    found = []
    for source in (vis, ir):
        rows = (np.arange(224) * 24) // 224  # nearest neighbour
        image = source[:, 0].numpy()[:, rows][:, :, rows]
        padded = np.pad(image, ((0, 0), (1, 1), (1, 1)))
        around = sum(padded[:, i:i + 224, j:j + 224] for i in range(3)
                     for j in range(3) if (i, j) != (1, 1)) / 8
        found.append(np.square(around - image).mean((1, 2)) / 0.25)
    expected = np.exp(found) / np.exp(found).sum(0)
    np.testing.assert_allclose(loss.weights(vis, ir), expected, rtol=1e-5)


@pytest.mark.parametrize('features', [None, FEATURES])
def test_the_richer_source_counts(features):
    loss = MODELS.build(
        dict(type='InformationPreservationLoss', temperature=1e-6,
             features=features))
    noise, _ = pair()
    flat = torch.full_like(noise, 0.5)
    weights = loss.weights(noise, flat)
    assert weights.shape == (2, 2) and (weights[0] > 0.99).all()
    assert call(loss, noise, noise, flat) < 0.01 < call(
        loss, flat, noise, flat)
    assert not loss.state_dict()  # the features are in no checkpoint
    fused = noise.clone().requires_grad_()
    call(loss, fused, flat, noise).backward()
    assert torch.isfinite(fused.grad).all()


def test_information_preservation_of_equal_weights():
    loss = MODELS.build(
        dict(type='InformationPreservationLoss', temperature=1e9))
    vis, ir = pair()
    fused = 0.5 * (vis + ir)
    ssim = call(MODELS.build(dict(type='SSIMLoss')), fused, vis, ir)
    mse = (F.mse_loss(fused, vis) + F.mse_loss(fused, ir)) / 2
    assert call(loss, fused, vis, ir).item() == pytest.approx(
        (ssim + 20 * mse).item(), rel=1e-4)
    with pytest.raises(ValueError, match='temperature'):
        MODELS.build(dict(type='InformationPreservationLoss', temperature=0))


# ----------------------------------------------------------------------- SAGE
def test_squared_distance_to_both():
    vis, ir = pair()
    loss = MODELS.build(
        dict(type='SourceMSELoss', vis_weight=3., ir_weight=2., loss_weight=3))
    expected = 6 * F.mse_loss(vis, ir)
    torch.testing.assert_close(call(loss, vis, vis, ir), expected)
    torch.testing.assert_close(call(loss, ir, vis, ir), 1.5 * expected)


def test_cosine_of_each_image():
    loss = MODELS.build(dict(type='DistanceLoss', distance='cosine'))
    one = torch.zeros(2, 2, 1, 2)
    one[0, 0], one[1, 1] = 1., 2.
    other = one.clone()
    other[1] = -other[1]
    assert loss(one, 5 * other).item() == pytest.approx(1.)  # of 0 and 2
