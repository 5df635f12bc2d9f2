"""Finding out how far the infrared image is off."""
import copy

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from mmfusion.apis.checkpoint import load_model_weights
from mmfusion.deployment.exporting import export_model
from mmfusion.models.losses import RegistrationLoss
from mmfusion.models.registration import (RegistrationHead, affine_offsets,
                                          matrix_offsets, warp)
from mmfusion.registry import MODELS
from mmfusion.structures import FuserOutput, FusionDataSample
from mmfusion.utils.errors import UsageError
from tests.support.config_cases import demo_fusion_inputs

MATRIX = torch.tensor([[[1.02, -0.05, 4.], [0.05, 0.98, -3.], [0, 0, 1]]])
HEAD = dict(type='RegistrationHead', channels=8)
LOSS = dict(registration=dict(type='RegistrationLoss'))
CFG = dict(type='ImageFuser', fuser=dict(type='MMDRFuseStudent'),
           fusion_losses=dict(average=dict(type='AverageLoss')))


def scene(batch, size, seed):
    """Blobs with contours, (B, 1, H, W) in [0, 1]."""
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand(batch, 1, size // 6, size // 6, generator=generator)
    image = F.interpolate(coarse, size=(size, size), mode='bicubic')
    return (4 * (image - 0.5)).sigmoid()


def shifted_pairs(batch, size, seed, shifts):
    """Visible images, infrared ones of other polarity, their matrices."""
    image = scene(batch, size, seed)
    matrix = torch.eye(3).repeat(batch, 1, 1)
    matrix[:, :2, 2] = shifts
    inverse = torch.linalg.inv(matrix)
    ir = 1 - warp(image, matrix_offsets(inverse, size, size))**2
    return image.expand(-1, 3, -1, -1), ir, matrix


def samples(matrices):
    return [
        FusionDataSample(metainfo=dict(misalignment=m.double().numpy()))
        for m in matrices
    ]


def loss_of(found, matrices, **weights):
    output = FuserOutput(
        None, aux={
            f'registration.{name}': value for name, value in found.items()
        })
    return RegistrationLoss(**weights)(output, {}, samples(matrices))


def test_field_of_a_matrix():
    field = matrix_offsets(MATRIX, 20, 30)
    assert field.shape == (1, 2, 20, 30)
    x, y = 7., 11.
    place = MATRIX[0] @ torch.tensor([x, y, 1])
    torch.testing.assert_close(field[0, :, 11, 7],
                               place[:2] - torch.tensor([x, y]))


def test_warp_takes_from_where_offsets_point():
    image = torch.rand(1, 1, 12, 16)
    offsets = torch.zeros(1, 2, 12, 16)
    torch.testing.assert_close(warp(image, offsets), image)
    offsets[:, 0], offsets[:, 1] = 3, -2
    torch.testing.assert_close(
        warp(image, offsets)[..., 2:, :-3], image[..., :-2, 3:])


def test_affine_fit_ignores_outliers():
    truth = matrix_offsets(MATRIX, 64, 96)
    votes = F.avg_pool2d(truth, 8)
    weight = torch.ones(1, 1, 8, 12)
    fit = affine_offsets(votes, weight, (64, 96), ridge=0)
    torch.testing.assert_close(fit, truth, atol=1e-3, rtol=0)
    votes[..., 2:4, 3:6] += 25.
    plain, robust = ((affine_offsets(votes, weight, (64, 96), rounds=rounds) -
                      truth).norm(dim=1).mean() for rounds in (1, 8))
    assert robust < 0.5 < 1 < plain


@pytest.mark.parametrize('fit', ['affine', 'field'])
def test_starts_at_the_identity(fit):
    torch.manual_seed(0)
    head = RegistrationHead(channels=8, fit=fit).eval()
    head.init_weights()
    vis, ir = torch.rand(2, 3, 45, 70), torch.rand(2, 1, 45, 70)
    found = head(vis, ir)
    assert found['offset'].shape == (2, 2, 45, 70)
    assert found['votes'].shape == (2, 2, 6, 9)
    assert found['scores'].shape == (2, 81, 6, 9)
    assert found['offset'].abs().max() < 1e-4
    torch.testing.assert_close(warp(ir, found['offset']), ir, atol=1e-4,
                               rtol=0)


def test_bad_arguments():
    for bad in (dict(fit='spline'), dict(smooth=4), dict(radius=0)):
        with pytest.raises(ValueError, match='RegistrationHead: expected'):
            RegistrationHead(**bad)


def test_learns_shifts():
    """Eight pixels, of images and in directions that it never saw."""
    torch.manual_seed(0)
    head = RegistrationHead(channels=24, radius=2)
    optimizer = torch.optim.AdamW(head.parameters(), lr=5e-3)
    for step in range(50):
        shifts = torch.randint(-12, 13, (6, 2)).float()
        vis, ir, matrices = shifted_pairs(6, 64, step + 1, shifts)
        loss = sum(loss_of(head(vis, ir), matrices).values())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    head.eval()
    shifts = torch.tensor([[8., 0], [0, 8], [-8, 0], [0, -8]])
    vis, ir, matrices = shifted_pairs(4, 96, 0, shifts)
    with torch.no_grad():
        found = head(vis, ir)
    truth = matrix_offsets(matrices, 96, 96)
    error = (found['offset'] - truth).norm(dim=1).mean((1, 2))
    assert error.max() < 4  # a field of zeros has 8


def test_loss_is_least_at_the_truth():
    matrix = MATRIX.expand(2, -1, -1)
    truth = matrix_offsets(matrix, 48, 64)
    votes = F.avg_pool2d(truth, 8)
    good = dict(offset=truth, votes=votes, scores=torch.zeros(2, 81, 6, 8))
    terms = loss_of(good, matrix)
    assert list(terms) == ['match', 'votes', 'offset', 'smooth']
    # 0.01 pixels, where the root is flattened
    torch.testing.assert_close(terms['votes'], torch.tensor(1e-3))
    torch.testing.assert_close(terms['match'], torch.tensor(81.).log())
    assert terms['smooth'].abs() < 1e-5  # the truth is affine up to rounding
    off = {**good, 'offset': truth + 3, 'votes': votes + 3}
    more = loss_of(off, matrix)
    torch.testing.assert_close(more['offset'], torch.tensor(0.05 * 18**0.5),
                               atol=1e-4, rtol=0)
    assert more['smooth'].abs() < 1e-5
    assert not any(loss_of(off, matrix, match=0, votes=0, offset=0).values())
    rough = {**good, 'votes': votes + torch.rand_like(votes)}
    assert loss_of(rough, matrix)['smooth'] > 1e-3


def test_cells_that_show_nothing_do_not_count():
    matrix = torch.eye(3)[None].clone()
    matrix[0, 0, 2] = 40.  # beyond a window of 32 pixels
    found = dict(offset=torch.zeros(1, 2, 48,
                                    64), votes=torch.zeros(1, 2, 6, 8),
                 scores=torch.randn(1, 81, 6, 8))
    terms = loss_of(found, matrix)
    assert terms['match'].abs() < 1e-6 and terms['votes'].abs() < 1e-6
    assert terms['offset'] > 1.9


def test_missing_parts_are_told():
    with pytest.raises(ValueError, match='registration=dict'):
        RegistrationLoss()(FuserOutput(None), {}, [])
    head = RegistrationHead(channels=4)
    found = head(torch.rand(2, 3, 32, 32), torch.rand(2, 1, 32, 32))
    for data_samples in (None, [FusionDataSample()] * 2):
        with pytest.raises(ValueError, match='RandomMisalign'):
            RegistrationLoss()(FuserOutput(
                None, aux={
                    f'registration.{k}': v for k, v in found.items()
                }), {}, data_samples)


def build(**changes):
    torch.manual_seed(0)
    return MODELS.build({**copy.deepcopy(CFG), **changes})


def test_off_by_default():
    plain, with_head = build(), build(registration=HEAD)
    keys = set(plain.state_dict())
    assert plain.registration is None
    assert keys and all(key.startswith('fuser.') for key in keys)
    more = set(with_head.state_dict()) - keys
    assert more and all(key.startswith('registration.') for key in more)
    batch = plain.data_preprocessor(demo_fusion_inputs(), False)
    output = plain.eval().fuse(**batch)
    assert not [key for key in output.aux if 'registration' in key]
    # an untrained head changes nothing
    torch.testing.assert_close(with_head.eval().fuse(**batch).fused,
                               output.fused, atol=1e-4, rtol=0)


def test_every_part_learns_from_its_own_loss():
    model = build(registration=HEAD, fusion_losses={
        **CFG['fusion_losses'],
        **LOSS
    }).train()
    batch = model.data_preprocessor(demo_fusion_inputs(), True)
    for sample in batch['data_samples']:
        sample.set_metainfo(dict(misalignment=MATRIX[0].double().numpy()))
    losses = model(**batch, mode='loss')
    assert 'loss_registration.match' in losses
    losses['loss_average'].backward(retain_graph=True)
    assert all(p.grad is None for p in model.registration.parameters())
    model.zero_grad()
    sum(value for name, value in losses.items()
        if 'registration' in name).backward()
    assert all(p.grad is None for p in model.fuser.parameters())
    assert model.registration.project.weight.grad.abs().sum() > 0


def test_head_of_another_checkpoint(tmp_path):
    """It goes before a fuser whose checkpoint has none."""
    source, plain = build(registration=HEAD), build()
    torch.nn.init.normal_(source.registration.project.weight)
    first, second = tmp_path / 'a.pth', tmp_path / 'b.pth'
    torch.save(dict(state_dict=source.state_dict()), first)
    torch.save(dict(state_dict=plain.state_dict()), second)
    model = build(registration=dict(
        HEAD, init_cfg=dict(type='Pretrained', checkpoint=str(first),
                            prefix='registration.')))
    load_model_weights(model, second)
    assert torch.equal(model.registration.project.weight,
                       source.registration.project.weight)
    with pytest.raises(UsageError, match='registration'):
        load_model_weights(build(registration=HEAD), second)
    _, notes = load_model_weights(build(), first)
    assert 'no registration' in notes[0]


def test_no_export_without_a_word(tmp_path):
    model = build(registration=HEAD).eval()
    with pytest.raises(UsageError, match='without a registration head'):
        export_model(model, tmp_path / 'a.onnx')


def test_frozen_with_the_fuser():
    model = build(registration=HEAD, fuser_frozen=True).train()
    assert not model.registration.training
    assert not any(p.requires_grad for p in model.parameters())


def test_fuser_and_losses_see_the_registered_image():
    model = build(registration=HEAD).eval()
    offset = torch.zeros(2, 2, 64, 64)
    offset[:, 0] = 5
    model.registration.forward = lambda vis, ir: dict(offset=offset)
    batch = model.data_preprocessor(demo_fusion_inputs(), False)
    vis, ir = model.split(batch['inputs'])
    registered = warp(ir, offset)
    output = model.fuse(**batch)
    torch.testing.assert_close(output.fused,
                               model.fuser(vis, registered).fused)
    seen = {}
    model.fusion_losses['average'].forward = (
        lambda output, sources, data_samples: seen.update(
            sources) or output.fused.sum())
    model.fusion_loss(output, **batch)
    torch.testing.assert_close(seen['ir'], registered)


def test_head_exports_by_itself(tmp_path):
    """Its own grid_sample needs opset 16; here it is used outside."""
    import onnxruntime

    class Registered(torch.nn.Module):

        def __init__(self):
            super().__init__()
            self.head = RegistrationHead(channels=8)
            torch.nn.init.normal_(self.head.project.weight)

        def forward(self, vis, ir):
            return warp(ir, self.head(vis, ir)['offset'])

    torch.manual_seed(0)
    model = Registered()
    vis, ir = torch.rand(1, 3, 48, 64), torch.rand(1, 1, 48, 64)
    with torch.no_grad():
        for _ in range(30):  # features of some strength
            model(vis, ir)
    model.eval()
    path = str(tmp_path / 'head.onnx')
    torch.onnx.export(model, (vis, ir), path, opset_version=16,
                      input_names=['vis', 'ir'], dynamo=False)
    session = onnxruntime.InferenceSession(path,
                                           providers=['CPUExecutionProvider'])
    found, = session.run(None, dict(vis=vis.numpy(), ir=ir.numpy()))
    with torch.no_grad():
        expected = model(vis, ir).numpy()
    assert not np.allclose(expected, ir.numpy(), atol=1e-2)
    np.testing.assert_allclose(found, expected, atol=1e-3)
