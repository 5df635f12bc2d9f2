"""Distilling any fuser into any other."""
import copy

import pytest
import torch
from mmengine.config import Config
from mmengine.optim import build_optim_wrapper

from mmfusion.apis import init_model
from mmfusion.apis.checkpoint import load_model_weights
from mmfusion.models.losses import cosine_distillation_loss
from mmfusion.models.wrappers import ImageFuser
from mmfusion.registry import MODELS
from tests.support.wrapper_cases import FUSERS, make_samples

L1 = dict(type='DistanceLoss', distance='l1')
LUMA = dict(student='luma', teacher='luma', loss=L1)
STUDENT = dict(type='MMDRFuseStudent')
TEACHER = dict(type='MMDRFuseTeacher', channels=(4, 6))
MMDRFUSE = dict(
    type='FuserDistiller', teacher=TEACHER, student=STUDENT,
    random_teacher=True, init_from_teacher=dict(out='out'), pairs=[
        dict(student='aux.hidden', teacher='aux.buffer',
             loss=dict(type='CosineDistillationLoss', loss_weight=5.)),
        dict(student='luma', teacher='luma',
             loss=dict(type='CosineDistillationLoss', loss_weight=5.))
    ], fusion_losses=dict(intensity=dict(type='MaxIntensityLoss')))


def build(cfg=None, **changes):
    torch.manual_seed(0)
    return MODELS.build({**copy.deepcopy(cfg or MMDRFUSE), **changes})


def test_mmdrfuse_terms(batch):
    inputs, samples = batch
    model = build().train()
    losses = model.loss(inputs, samples)
    assert list(losses) == [
        'loss_intensity', 'loss_distill.buffer', 'loss_distill.luma'
    ]
    vis, ir = inputs[:, :3], inputs[:, 3:]
    ours, theirs = model.fuser(vis, ir), model.teacher(vis, ir)
    for name, pair in dict(buffer=(ours.aux['hidden'], theirs.aux['buffer']),
                           luma=(ours.luma, theirs.luma)).items():
        expected = 5 * cosine_distillation_loss(*pair)
        torch.testing.assert_close(losses[f'loss_distill.{name}'], expected)
    sum(losses.values()).backward()
    assert all(p.grad is not None for p in model.parameters())


def test_teacher_is_frozen_and_in_no_checkpoint(batch):
    model = build().train()
    teacher = copy.deepcopy(model.teacher.state_dict())
    assert not model.teacher.training
    assert sum(p.numel() for p in model.parameters()) == 113
    assert all(key.startswith('fuser.') for key in model.state_dict())
    optimizer = build_optim_wrapper(model,
                                    dict(optimizer=dict(type='SGD', lr=0.1)))
    loss, _ = model.parse_losses(model(*batch, mode='loss'))
    optimizer.update_params(loss)
    assert all(p.grad is None for p in model.teacher.parameters())
    for key, value in model.teacher.state_dict().items():
        assert torch.equal(value, teacher[key])
    model.double()
    assert model.teacher.out.weight.dtype == torch.float64


def test_student_starts_from_the_teachers_layer():
    model = build()
    assert torch.equal(model.fuser.out.weight, model.teacher.out.weight)
    assert model.fuser.out.weight.requires_grad
    model.fuser.out.weight.data.zero_()
    model.init_weights()
    assert torch.equal(model.fuser.out.weight, model.teacher.out.weight)
    for mapping in (dict(out='buffer'), dict(out='nothing')):
        with pytest.raises(ValueError, match='init_from_teacher'):
            build(init_from_teacher=mapping)


@pytest.mark.parametrize('teacher,student', [
    ('psfusion', 'transfuser6'),
    ('transfuser6', None),
    (None, 'transfuser6'),
])
def test_any_into_any(batch, teacher, student):
    """PSFusion -> TransFuser6 -> MMDRFuseStudent, and back."""
    model = build(
        teacher=FUSERS[teacher] if teacher else STUDENT,
        student=FUSERS[student] if student else STUDENT,
        init_from_teacher=None, pairs=[
            LUMA,
            dict(student='fused', teacher='fused', name='rgb',
                 loss=dict(type='DistanceLoss', distance='ssim'))
        ])
    losses = model.loss(*batch)
    assert set(losses) >= {'loss_distill.luma', 'loss_distill.rgb'}
    sum(losses.values()).backward()
    assert any(p.grad.abs().sum() > 0 for p in model.fuser.parameters()
               if p.grad is not None)


def test_layers_by_path_sizes_and_channels(batch):
    """A layer of half the size and six channels, through an adapter."""
    pair = dict(student='module.hidden', teacher='module.encoder.3',
                channels=(4, 6), loss=L1)
    model = build(pairs=[pair])
    assert model.pairs[0].adapter.weight.shape == (6, 4, 1, 1)
    seen = {}
    handle = model.teacher.encoder[3].register_forward_hook(
        lambda _, args, output: seen.update(value=output))
    losses = model.loss(*batch)
    handle.remove()
    assert seen['value'].shape[1:] == (6, 32, 48)
    assert list(losses) == ['loss_intensity', 'loss_distill.3']
    losses['loss_distill.3'].backward()
    assert model.pairs[0].adapter.weight.grad.abs().sum() > 0
    # nothing stays hooked
    assert not model.fuser.hidden._forward_hooks
    assert not model.teacher.encoder[3]._forward_hooks


@pytest.mark.parametrize('changes,match', [
    (dict(random_teacher=False), 'expected a teacher with weights'),
    (dict(pairs=[]), 'pairs of different names'),
    (dict(pairs=[LUMA, LUMA]), 'pairs of different names'),
    (dict(pairs=[dict(LUMA, student='hidden')]), "got 'hidden'"),
    (dict(pairs=[dict(LUMA, student='module.nothing')]), 'Expected layers'),
])
def test_wrong_configs(changes, match):
    with pytest.raises(ValueError, match=match):
        build(**changes)


def test_a_loss_of_images_is_no_pair_loss():
    with pytest.raises(TypeError, match='two tensors'):
        build(pairs=[dict(LUMA, loss=dict(type='MaxIntensityLoss'))])


@pytest.mark.parametrize('pair,match', [
    (dict(student='aux.nothing', teacher='luma', loss=L1), "'hidden'"),
    (dict(student='aux.hidden', teacher='luma', loss=L1), r'channels=\(4, 1'),
])
def test_wrong_tensors(batch, pair, match):
    with pytest.raises(ValueError, match=match):
        build(pairs=[pair]).loss(*batch)


def test_trained_student_needs_no_teacher(tmp_path, batch):
    """Its checkpoint serves the inferencer and an ImageFuser."""
    model = build(pairs=[dict(LUMA, student='aux.hidden', channels=(4, 1))])
    path = tmp_path / 'student.pth'
    torch.save(dict(state_dict=model.state_dict()), path)
    node = dict(
        MMDRFUSE, random_teacher=False, output_norm='minmax', teacher=dict(
            TEACHER, init_cfg=dict(type='Pretrained',
                                   checkpoint='not_there.pth')))
    served = init_model(Config(dict(model=node)), path, optimize=False)
    assert type(served) is ImageFuser
    assert served.output_policy.norm == 'minmax'
    inputs = batch[0]
    expected = model.eval()(inputs, mode='tensor')
    torch.testing.assert_close(served(inputs, mode='tensor'), expected)
    plain = MODELS.build(dict(type='ImageFuser', fuser=STUDENT)).eval()
    load_model_weights(plain, path)
    torch.testing.assert_close(plain(inputs, mode='tensor'), expected)


def test_teacher_from_a_file(tmp_path):
    teacher = MODELS.build(TEACHER)
    path = str(tmp_path / 'teacher.pth')
    torch.save(
        {
            f'fuser.{key}': value
            for key, value in teacher.state_dict().items()
        }, path)
    model = build(
        random_teacher=False,
        teacher=dict(TEACHER, init_cfg=dict(type='Pretrained',
                                            checkpoint=path)))
    for key, value in model.teacher.state_dict().items():
        assert torch.equal(value, teacher.state_dict()[key]), key
    assert torch.equal(model.fuser.out.weight, teacher.out.weight)


def test_predicts_as_an_image_fuser(batch):
    inputs, _ = batch
    samples = build().eval().predict(inputs, make_samples(2, 64, 96))
    assert samples[0].fused_img.data.shape == (3, 64, 96)
