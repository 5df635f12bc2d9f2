"""Modalities of any task reach the fuser, and colour comes back."""
import pytest
import torch
from mmengine.structures import PixelData

from mmfusion.models.layers import rgb_to_ycbcr, weighted_chroma
from mmfusion.models.wrappers.pair_roles import PairRoles
from mmfusion.registry import MODELS
from mmfusion.structures import FuserOutput, FusionDataSample
from mmfusion.tasks import TASKS, FusionTask, channel_spans
from tests.support.config_cases import demo_fusion_inputs

AVERAGE = dict(type='AverageFuser')


def stack(task, size=(9, 13), seed=0):
    generator = torch.Generator().manual_seed(seed)
    channels = sum(FusionTask.of(task).modalities.values())
    return torch.rand(2, channels, *size, generator=generator)


def image_fuser(fuser=AVERAGE, **kwargs):
    return MODELS.build(dict(type='ImageFuser', fuser=fuser, **kwargs))


# --------------------------------------------------------- weighted chroma
def test_weighted_chroma_is_the_formula_of_the_field():
    """Pixel by pixel, on the 0..255 scale the papers write it on."""
    generator = torch.Generator().manual_seed(0)
    one, two = torch.rand(2, 1, 2, 4, 5, generator=generator).double()
    got = weighted_chroma(one, two) * 255
    for place in range(one.numel()):
        a, b = (255 * c.flatten()[place].item() for c in (one, two))
        grey = 127.5  # 0.5 of [0, 1]
        wa, wb = abs(a - grey), abs(b - grey)
        assert got.flatten()[place].item() == pytest.approx(
            (a * wa + b * wb) / (wa + wb))


def test_weighted_chroma_of_grey_and_of_one_colour():
    grey = torch.full((1, 2, 3, 3), 0.5)
    vivid = torch.rand(1, 2, 3, 3)
    torch.testing.assert_close(weighted_chroma(grey, grey), grey)
    torch.testing.assert_close(weighted_chroma(grey, vivid), vivid)
    torch.testing.assert_close(weighted_chroma(vivid, grey), vivid)
    torch.testing.assert_close(weighted_chroma(vivid, vivid), vivid)


# -------------------------------------------------------------------- roles
@pytest.mark.parametrize('name', TASKS)
def test_split(name):
    task = TASKS[name]
    model = image_fuser(task=name)
    inputs = stack(name)
    vis, ir = model.split(inputs)
    assert vis.shape == (2, 3, 9, 13) and ir.shape == (2, 1, 9, 13)
    spans = channel_spans(task.modalities)
    first, end = spans[task.visible]
    assert torch.equal(vis, inputs[:, first:end].expand(-1, 3, -1, -1))
    first, end = spans[task.other]
    other = inputs[:, first:end]
    if end - first == 3:
        other = rgb_to_ycbcr(other, clamp=True)[0]
    torch.testing.assert_close(ir, other)


def test_infrared_visible_is_untouched():
    model, inputs = image_fuser(), stack('ivf')
    assert model.roles.task == TASKS['ivf']
    got = model.fuse(inputs)
    expected = model.fuser(inputs[:, :3], inputs[:, 3:])
    torch.testing.assert_close(got.fused, expected.fused)
    # also what no chrominance was joined to
    heat = image_fuser(dict(type='SelectModality', modality='ir'))
    assert torch.equal(
        heat.fuse(inputs).fused, inputs[:, 3:].expand(-1, 3, -1, -1))


@pytest.mark.parametrize('name, modality', [('mri_pet', 'pet'),
                                            ('mri_spect', 'spect')])
def test_colour_of_the_functional_image(name, modality):
    model, inputs = image_fuser(task=name), stack(name)
    output = model.fuse(inputs)
    y, cbcr = rgb_to_ycbcr(inputs[:, 1:4], clamp=True)
    torch.testing.assert_close(output.luma, (y + inputs[:, :1]) / 2)
    torch.testing.assert_close(output.fused,
                               model.fuser.join_colour(output.luma, cbcr))


def test_grey_is_grey_to_the_last_bit():
    output = image_fuser(task='mri_ct').fuse(stack('mri_ct'))
    assert torch.equal(output.fused, output.luma.expand(-1, 3, -1, -1))


@pytest.mark.parametrize('name', ['mef', 'mff'])
def test_colour_of_both(name):
    model, inputs = image_fuser(task=name), stack(name)
    output = model.fuse(inputs)
    (one, first), (two, second) = (rgb_to_ycbcr(part, clamp=True)
                                   for part in (inputs[:, :3], inputs[:, 3:]))
    torch.testing.assert_close(output.luma, (one + two) / 2)
    expected = model.fuser.join_colour(output.luma,
                                       weighted_chroma(first, second))
    torch.testing.assert_close(output.fused, expected)
    # the two images of a weighted pair can change places
    swapped = model.fuse(torch.cat((inputs[:, 3:], inputs[:, :3]), 1))
    torch.testing.assert_close(swapped.fused, output.fused)


def test_colour_of_the_other_modality():
    task = dict(modalities=dict(under=3, over=3), colour='over')
    model, inputs = image_fuser(task=task), stack('mef')
    output = model.fuse(inputs)
    cbcr = rgb_to_ycbcr(inputs[:, 3:], clamp=True)[1]
    torch.testing.assert_close(output.fused,
                               model.fuser.join_colour(output.luma, cbcr))


def test_colour_formula_is_the_fusers():
    fuser = dict(type='AverageFuser', channel_order='bgr', clamp=False)
    model, inputs = image_fuser(fuser, task='mef'), stack('mef')
    y = rgb_to_ycbcr(inputs[:, 3:].flip(1))[0]
    torch.testing.assert_close(model.split(inputs)[1], y)


def test_a_fuser_without_luma_is_recoloured():
    roles, inputs = PairRoles(TASKS['mef']), stack('mef')
    fuser = MODELS.build(AVERAGE)
    plain = FuserOutput(inputs[:, :3])
    got = roles.recolour(plain, inputs, fuser)
    y, own = rgb_to_ycbcr(inputs[:, :3], clamp=True)
    other = rgb_to_ycbcr(inputs[:, 3:], clamp=True)[1]
    torch.testing.assert_close(
        got.fused, fuser.join_colour(y, weighted_chroma(own, other)))
    assert got.luma is None and got.aux is plain.aux


def test_grey_out_of_range_follows_the_fusers_clamp():
    inputs, roles = stack('mri_ct'), PairRoles(TASKS['mri_ct'])
    luma = torch.full((2, 1, 9, 13), 1.5)
    output = FuserOutput(luma.expand(-1, 3, -1, -1), luma)
    for clamp, most in ((True, 1.0), (False, 1.5)):
        fuser = MODELS.build(dict(AVERAGE, clamp=clamp))
        assert roles.recolour(output, inputs, fuser).fused.max() == most


# ------------------------------------------------------------------ wrapper
def test_preprocessor_gets_the_modalities_of_the_task():
    for given in (None, dict(type='FusionDataPreprocessor')):
        model = image_fuser(task='mff', data_preprocessor=given)
        assert model.data_preprocessor.modalities == dict(near=3, far=3)


def test_task_from_the_preprocessor():
    model = image_fuser(data_preprocessor=dict(type='FusionDataPreprocessor',
                                               modalities=dict(mri=1, pet=3)))
    assert model.roles.task == TASKS['mri_pet']


def test_task_and_preprocessor_disagree():
    with pytest.raises(ValueError, match='Leave modalities out'):
        image_fuser(
            task='mef', data_preprocessor=dict(type='FusionDataPreprocessor',
                                               modalities=dict(vis=3, ir=1)))


def test_wrong_channels_name_the_modalities():
    with pytest.raises(ValueError, match=r'3 \(under\) \+ 3 \(over\)'):
        image_fuser(task='mef').fuse(stack('ivf'))


def test_as_many_channels_of_another_task_are_noticed():
    """MRI + PET has four channels, as visible + infrared has."""
    model = image_fuser()
    batch = demo_fusion_inputs(task='mri_pet')
    with pytest.raises(ValueError, match="'mri': 1, 'pet': 3.*Set the task"):
        model.data_preprocessor(batch)
    # a spect image may take the place of the pet image
    model = image_fuser(task='mri_spect')
    assert model.data_preprocessor(batch)['inputs'].shape == (2, 4, 64, 64)


def test_losses_see_the_roles():
    model = image_fuser(dict(type='MMDRFuseStudent'), task='mef',
                        fusion_losses=dict(average=dict(type='AverageLoss')))
    inputs = stack('mef')
    losses = model.loss(inputs, None)
    ys = [
        rgb_to_ycbcr(part, clamp=True)[0]
        for part in (inputs[:, :3], inputs[:, 3:])
    ]
    fused = model.fuser.fuse_luma(*ys)[0]
    torch.testing.assert_close(losses['loss_average'],
                               (fused - sum(ys) / 2).abs().mean())
    losses['loss_average'].backward()
    assert model.fuser.out.weight.grad.abs().sum() > 0


def test_segmenter_of_another_task(build):
    model = build('average', task='mef', fusion_losses=None)
    sample = FusionDataSample()
    sample.gt_sem_seg = PixelData(data=torch.zeros(1, 64, 96).long())
    losses = model.loss(stack('mef', (64, 96))[:1], [sample])
    assert torch.isfinite(losses['segmentor.decode.loss_ce'])
    fused = model.predict(stack('mef', (64, 96)))[0].fused_img.data
    assert fused.shape == (3, 64, 96)
