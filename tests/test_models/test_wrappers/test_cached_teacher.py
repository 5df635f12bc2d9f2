"""A student that learns from images instead of a network."""
import copy

import pytest
import torch
from mmengine.structures import PixelData

from mmfusion.models.wrappers import inference_config
from mmfusion.registry import MODELS
from tests.support.config_cases import demo_fusion_inputs

L1 = dict(type='DistanceLoss', distance='l1')
CFG = dict(
    type='FuserDistiller', teacher=None, student=dict(type='MMDRFuseStudent'),
    pairs=[
        dict(name='pix', student='fused', teacher='fused', loss=L1),
        dict(name='grad', student='luma', teacher='luma',
             loss=dict(type='DistanceLoss', distance='sobel'))
    ])


def build(**changes):
    torch.manual_seed(0)
    return MODELS.build({**copy.deepcopy(CFG), **changes}).train()


def batch(model, size=(32, 40)):
    return model.data_preprocessor(demo_fusion_inputs(size=size), True)


def test_targets_come_with_the_samples():
    model = build()
    data = batch(model)
    target = torch.stack([s.gt_fused.data for s in data['data_samples']])
    assert target.shape == (2, 3, 32, 40) and target.max() <= 1
    losses = model(**data, mode='loss')
    assert list(losses) == ['loss_distill.pix', 'loss_distill.grad']
    fused = model.fuser(*model.split(data['inputs'])).fused
    torch.testing.assert_close(losses['loss_distill.pix'],
                               (fused - target).abs().mean())
    sum(losses.values()).backward()
    assert all(p.grad is not None for p in model.parameters())
    assert all(key.startswith('fuser.') for key in model.state_dict())


def test_features_come_with_the_samples():
    model = build(pairs=[
        dict(name='feat', student='aux.hidden', teacher='aux.feature',
             channels=(
                 4, 6), loss=dict(type='DistanceLoss', distance='normalized'))
    ])
    data = batch(model)
    with pytest.raises(ValueError, match="at 'aux.feature' of the teacher"):
        model(**data, mode='loss')
    for sample in data['data_samples']:
        sample.gt_feature = PixelData(data=torch.rand(6, 8, 10))
    losses = model(**data, mode='loss')
    losses['loss_distill.feat'].backward()
    assert model.pairs[0].adapter.weight.grad.abs().sum() > 0


MOTION = dict(type='MotionConsistencyLoss', degrees=10., shift=0.1)


def test_motion():
    """Nothing for a net that moves along, and it can be learned."""
    torch.manual_seed(0)
    still = build(student=dict(type='AverageFuser', clamp=False),
                  motion=MOTION)
    inputs = torch.rand(2, 4, 32, 40)
    fused = still.fuse(inputs).fused
    loss = MODELS.build(MOTION)
    assert loss(lambda moved: still.fuse(moved).fused, inputs,
                fused) == pytest.approx(0, abs=1e-5)
    # a net that knows where a pixel is
    ramp = torch.linspace(0, 1, 40)
    assert loss(lambda moved: still.fuse(moved).fused * ramp, inputs,
                fused * ramp) > 1e-3

    model = build(motion=dict(MOTION, loss_weight=1.))
    assert 'loss_motion' not in build()(**batch(model), mode='loss')
    assert model.term_names == ['pix', 'grad', 'motion']
    data = batch(model)

    def error():
        torch.manual_seed(1)
        return model(**data, mode='loss')['loss_motion']

    first = error().item()
    optimizer = torch.optim.Adam(model.parameters(), 0.01)
    for _ in range(20):
        optimizer.zero_grad()
        error().backward()
        optimizer.step()
    assert error().item() < 0.7 * first
    model.term_factors = dict(motion=0.)
    assert 'loss_motion' not in model(**data, mode='loss')
    assert 'motion' not in inference_config({
        **copy.deepcopy(CFG), 'motion':
        MOTION
    })
    with pytest.raises(ValueError, match='Expected degrees'):
        MODELS.build(dict(MOTION, scale=1.))


def test_missing_targets():
    model = build()
    data = batch(model)
    for sample in data['data_samples']:
        del sample.gt_fused
    with pytest.raises(ValueError, match="'gt_fused' of .32, 40."):
        model(**data, mode='loss')
    with pytest.raises(ValueError, match='no\\s+teacher|teacher network'):
        model(data['inputs'], None, mode='loss')


def test_no_layers_of_a_teacher():
    with pytest.raises(ValueError, match='Expected layers of the teacher'):
        build(pairs=[dict(student='luma', teacher='module.out', loss=L1)])


def test_padding_in_training():
    model = build(
        data_preprocessor=dict(type='FusionDataPreprocessor', size=(48, 48)))
    data = batch(model)
    assert data['inputs'].shape[-2:] == (48, 48)
    assert data['data_samples'][0].gt_fused.data.shape == (3, 48, 48)
    model(**data, mode='loss')


def test_factors():
    model = build(fusion_losses=dict(intensity=dict(type='MaxIntensityLoss')))
    data = batch(model)
    plain = model(**data, mode='loss')
    model.term_factors = dict(pix=0.5, grad=0., intensity=2.)
    losses = model(**data, mode='loss')
    assert 'loss_distill.grad' not in losses
    torch.testing.assert_close(losses['loss_distill.pix'],
                               0.5 * plain['loss_distill.pix'])
    torch.testing.assert_close(losses['loss_intensity'],
                               2 * plain['loss_intensity'])
    # an adapter gets gradients of zero: DDP finds none unused
    model = build(pairs=[
        *CFG['pairs'],
        dict(name='feat', student='aux.hidden', teacher='fused', channels=(
            4, 3), loss=L1)
    ])
    model.term_factors = dict(feat=0.)
    losses = model(**batch(model), mode='loss')
    sum(losses.values()).backward()
    assert model.pairs[2].adapter.weight.grad.abs().sum() == 0


def test_inference_needs_no_teacher():
    cfg = inference_config(copy.deepcopy(CFG))
    assert cfg == dict(type='ImageFuser', fuser=CFG['student'])


def test_rules_may_teach_in_the_loop():
    """A teacher without weights is no random one."""
    model = build(teacher=dict(type='LaplacianPyramidFuser'))
    assert set(
        model(**batch(model),
              mode='loss')) == {'loss_distill.pix', 'loss_distill.grad'}
