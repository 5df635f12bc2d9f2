"""Fusers in turns with their discriminators."""
import copy

import pytest
import torch
from mmengine.config import Config
from mmengine.model import MMDistributedDataParallel
from mmengine.optim import build_optim_wrapper
from mmengine.structures import InstanceData

from mmfusion.apis import init_model
from mmfusion.engine.adversarial import AdversarialOptimWrapperConstructor
from mmfusion.models.losses import detail_views, divergence_loss, target_views
from mmfusion.models.wrappers import ImageFuser
from mmfusion.registry import MODELS
from tests.support.config_cases import demo_fusion_inputs, shrink_config

DISCRIMINATOR = dict(type='StridedDiscriminator', channels=(4, 6))
MODEL = dict(type='AdversarialFuser', fuser=dict(type='MMDRFuseStudent'),
             fusion_losses=dict(source=dict(type='SaliencyWeightedLoss')),
             discriminators=dict(target=DISCRIMINATOR, detail=DISCRIMINATOR))
OPTIMIZER = dict(constructor='mmfusion.AdversarialOptimWrapperConstructor',
                 optimizer=dict(type='RMSprop', lr=1e-2))
LOG = [
    'loss', 'loss_source', 'loss_adversarial.target',
    'loss_adversarial.detail', 'discriminators.loss',
    'discriminators.loss_target', 'discriminators.loss_detail'
]


def build(**changes):
    torch.manual_seed(0)
    return MODELS.build({**copy.deepcopy(MODEL), **changes}).train()


def state(*modules):
    return [p.detach().clone() for m in modules for p in m.parameters()]


def same(before, *modules):
    return [
        torch.equal(a, b) for a, b in zip(before, state(*modules), strict=True)
    ]


def test_they_learn_in_turns(monkeypatch):
    """Each half of a step changes its own part alone, once, and leaves no
    gradients behind."""
    model = build()
    optimizers = build_optim_wrapper(model, OPTIMIZER)
    assert list(optimizers.keys()) == ['generator', 'discriminators']
    parts = dict(generator=model.fuser, discriminators=model.discriminators)
    turns = []

    def watch(name):
        update = optimizers[name].update_params
        other = next(part for key, part in parts.items() if key != name)

        def step(loss):
            before = state(parts[name]), state(other)
            optimizers[name].zero_grad(set_to_none=True)
            loss.backward(retain_graph=True)
            assert all(p.grad is None for p in other.parameters())
            optimizers[name].zero_grad()
            update(loss)
            # a bias of all scores cancels out
            assert sum(same(before[0], parts[name])) <= 2
            assert not all(same(before[0], parts[name]))
            assert all(same(before[1], other))
            turns.append(name)

        monkeypatch.setattr(optimizers[name], 'update_params', step)

    for name in parts:
        watch(name)
    for _ in range(2):
        log = model.train_step(demo_fusion_inputs(2, (24, 32)), optimizers)
        assert sorted(log) == sorted(LOG)
    assert turns == 2 * ['generator', 'discriminators']
    assert all(p.requires_grad for p in model.parameters())


@pytest.mark.parametrize('source', ['background', 'released_code'])
def test_terms(batch, source):
    """Scores of the fused image's views, and the divergence of both."""
    inputs, samples = batch
    model = build(detail_source=source, adversarial_weight=0.3,
                  penalty_weight=1.5, penalty_power=2.)
    losses, views = model(inputs, samples, mode='generate')
    fused = model.fuser(inputs[:, :3], inputs[:, 3:]).luma
    vis, _ = model.fuser.split_colour(inputs[:, :3])
    mask = torch.stack([sample.gt_mask.data for sample in samples]).float()
    images = fused, vis, inputs[:, 3:], mask
    expected = dict(target=target_views(*images),
                    detail=detail_views(*images, source))
    for name, pair in expected.items():
        network = model.discriminators[name]
        torch.testing.assert_close(views[name], pair)
        assert not any(view.requires_grad for view in views[name])
        torch.testing.assert_close(losses[f'loss_adversarial.{name}'],
                                   -0.3 * network(pair[1]).mean())
    model.term_factors = dict(adversarial=0.)
    assert model(inputs, samples, mode='loss')['loss_adversarial.target'] == 0
    assert model.term_names == ['source', 'adversarial']
    torch.manual_seed(1)
    found = model(views, mode='discriminate')
    torch.manual_seed(1)
    for name, pair in views.items():
        torch.testing.assert_close(
            found[f'loss_{name}'],
            divergence_loss(model.discriminators[name], *pair, 1.5, 2.))


def test_boxes_and_saliency_where_there_are_no_masks(batch):
    inputs, samples = batch
    for sample in samples:
        del sample.gt_mask
    samples[0].gt_instances = InstanceData(
        bboxes=torch.tensor([[8., 8, 24, 16]]))
    model = build(box_shape='rectangle')
    real, _ = model(inputs, samples, mode='generate')[1]['target']
    assert real[0, 0].count_nonzero() == 8 * 16
    assert 0 < real[1].count_nonzero() < real[1].numel()
    model = build(target_mask='boxes')
    with pytest.raises(ValueError, match="AdversarialFuser: expected 'gt_ins"):
        model(inputs, samples, mode='loss')


@pytest.mark.parametrize('changes,match', [
    (dict(discriminators=dict(edges=DISCRIMINATOR)), r"\['target', 'detail'"),
    (dict(discriminators={}), r'got \[\]'),
    (dict(fuser_frozen=True), "type='ImageFuser' without"),
])
def test_wrong_configs(changes, match):
    with pytest.raises(ValueError, match=match):
        build(**changes)


def test_optimizers():
    """Of each part, alike but for what the config says."""
    model = build()
    cfg = dict(
        OPTIMIZER, discriminators=dict(optimizer=dict(lr=1e-3)),
        paramwise_cfg=dict(custom_keys={'fuser.out': dict(lr_mult=0.1)}))
    optimizers = build_optim_wrapper(model, cfg)
    rates = optimizers.get_lr()
    assert set(rates['discriminators.lr']) == {1e-3}
    assert set(rates['generator.lr']) == {1e-2, 1e-3}
    for name, part in dict(generator=model.fuser,
                           discriminators=model.discriminators).items():
        groups = optimizers[name].param_groups
        held = {id(p) for group in groups for p in group['params']}
        for parameter in model.parameters():
            inside = any(parameter is p for p in part.parameters())
            assert (id(parameter) in held) == inside
    plain = build_optim_wrapper(model, dict(optimizer=OPTIMIZER['optimizer']))
    with pytest.raises(ValueError, match='AdversarialOptimWrapperConstructor'):
        model.train_step({}, plain)
    with pytest.raises(ValueError, match='a model with discriminators'):
        build_optim_wrapper(model.fuser, OPTIMIZER)
    other = object.__new__(MMDistributedDataParallel)
    with pytest.raises(ValueError, match='AdversarialDataParallel'):
        AdversarialOptimWrapperConstructor(OPTIMIZER)(other)


def test_fuses_without_discriminators(tmp_path, batch):
    model = build()
    path = tmp_path / 'trained.pth'
    torch.save(dict(state_dict=model.state_dict()), path)
    served = init_model(Config(dict(model=copy.deepcopy(MODEL))), path,
                        optimize=False)
    assert type(served) is ImageFuser and not hasattr(served, 'discriminators')
    torch.testing.assert_close(served(batch[0], mode='tensor'),
                               model.eval()(batch[0], mode='tensor'))


@pytest.mark.detection
def test_detector_takes_part(tmp_path):
    """Boxes are the targets; the detector learns with the fuser."""
    from mmfusion.utils.config_file import load_config
    cfg = shrink_config(
        load_config(
            'fuser_detectors/joint_llvip.py', scale='mini',
            options=dict(fuser='mmdrfuse_student', detector='retinanet')),
        (64, 64)).model
    cfg = dict(cfg, type='AdversarialFuserDetector', target_mask='boxes',
               discriminators=dict(target=DISCRIMINATOR))
    torch.manual_seed(0)
    model = MODELS.build(cfg).train()
    optimizers = build_optim_wrapper(model, OPTIMIZER)
    parts = model.fuser, model.discriminators, model.detector
    before = [state(part) for part in parts]
    log = model.train_step(demo_fusion_inputs(2), optimizers)
    assert {'fusion.loss_adversarial.target',
            'discriminators.loss_target'} <= set(log)
    assert any(key.startswith('detector.loss') for key in log)
    for old, part in zip(before, parts, strict=True):
        assert not all(same(old, part))
    plain = type(model).inference_config(cfg)
    assert plain['type'] == 'FuserDetector'
    assert not {'discriminators', 'target_mask'} & set(plain)
    MODELS.build(plain)
