"""FuserSegmenter around three kinds of mmseg segmentors."""
import pytest
import torch
from mmengine.optim import build_optim_wrapper
from torch import nn

from mmfusion.models.wrappers import TaskNormalizer
from mmfusion.registry import MODELS
from mmfusion.structures import FuserOutput
from tests.support.wrapper_cases import FUSERS, SEGMENTORS, make_samples


@pytest.mark.parametrize('segmentor', SEGMENTORS)
@pytest.mark.parametrize('fuser', FUSERS)
def test_trains_and_predicts(build, batch, fuser, segmentor):
    """Any fuser, any segmentor: config lines only, no dead parameters."""
    model = build(fuser, segmentor).train()
    inputs, samples = batch
    losses = model(inputs, samples, mode='loss')
    assert any(key.startswith('fusion.loss_') for key in losses)
    assert 'segmentor.decode.loss_ce' in losses
    has_aux = segmentor == 'pspnet_with_auxiliary_head'
    assert ('segmentor.aux.loss_ce' in losses) == has_aux
    total, _ = model.parse_losses(losses)
    total.backward()
    dead = [n for n, p in model.named_parameters() if p.grad is None]
    assert not dead
    moved = sum(p.grad.abs().sum() for p in model.fuser.parameters())
    assert torch.isfinite(total) and moved > 0

    model.eval()
    with torch.no_grad():
        predictions = model(inputs, make_samples(2, 64, 96), mode='predict')
        logits = model(inputs, mode='tensor')
    assert logits.shape[:2] == (2, 9)
    for sample in predictions:
        assert sample.fused_img.data.shape == (3, 64, 96)
        assert sample.fused_img.data.min() >= 0
        assert sample.fused_img.data.max() <= 1
        assert sample.pred_sem_seg.data.shape == (1, 64, 96)
        assert sample.seg_logits.data.shape == (9, 64, 96)


def test_joint_gradient_reaches_the_fuser(build, batch):
    """Without a fusion loss the fuser still learns from the segmentor."""
    model = build(fusion_losses=None).train()
    losses = model(*batch, mode='loss')
    assert not any(key.startswith('fusion') for key in losses)
    model.parse_losses(losses)[0].backward()
    assert all(p.grad is not None for p in model.fuser.parameters())


def test_frozen_fuser(build, batch):
    model = build(fuser_frozen=True).train()
    assert not model.fuser.training and model.segmentor.training
    before = {k: v.clone() for k, v in model.fuser.state_dict().items()}
    losses = model(*batch, mode='loss')
    assert not any(key.startswith('fusion') for key in losses)
    model.parse_losses(losses)[0].backward()
    assert all(p.grad is None for p in model.fuser.parameters())
    for key, value in model.fuser.state_dict().items():
        torch.testing.assert_close(value, before[key], rtol=0, atol=0)


def test_lr_mult_is_a_config_line(build):
    model = build()
    wrapper = build_optim_wrapper(
        model,
        dict(type='OptimWrapper', optimizer=dict(type='AdamW', lr=1e-3),
             paramwise_cfg=dict(custom_keys=dict(fuser=dict(lr_mult=0.1)))))
    rates = {
        id(parameter): group['lr'] for group in wrapper.optimizer.param_groups
        for parameter in group['params']
    }
    assert all(rates[id(p)] == pytest.approx(1e-4)
               for p in model.fuser.parameters())
    assert all(rates[id(p)] == pytest.approx(1e-3)
               for p in model.segmentor.parameters())


def test_slide_inference_fuses_once_or_per_crop(build, batch):
    """The switch changes the number of fusions, not the shown image."""
    inputs, _ = batch
    predictions, calls = {}, {}
    for fuse_first in (True, False):
        model = build(fuse_first=fuse_first).eval()
        model.segmentor.test_cfg = dict(mode='slide', crop_size=(32, 48),
                                        stride=(32, 48))
        model.segmentor.test_cfg = type('Cfg', (dict, ),
                                        {'__getattr__': dict.__getitem__})(
                                            model.segmentor.test_cfg)
        seen = []
        model.fuser.register_forward_hook(
            lambda m, args, out, seen=seen: seen.append(args[0].shape))
        with torch.no_grad():
            predictions[fuse_first] = model(inputs, make_samples(2, 64, 96),
                                            mode='predict')
        calls[fuse_first] = [tuple(shape[2:]) for shape in seen]
    assert calls[True] == [(64, 96)]
    assert calls[False] == [(64, 96)] + 4 * [(32, 48)]
    first, crops = predictions[True][0], predictions[False][0]
    torch.testing.assert_close(first.fused_img.data, crops.fused_img.data)
    assert not torch.allclose(first.seg_logits.data, crops.seg_logits.data)


def test_prediction_undoes_padding_flip_and_resize(build):
    # a fixed rule, so that a mirrored pair gives the mirrored image
    model = build('average').eval()
    inputs = torch.rand(1, 4, 64, 96)
    plain = model(inputs, make_samples(1, 64, 96), mode='predict')[0]
    for direction, axes in dict(horizontal=[3], vertical=[2]).items():
        flipped = make_samples(1, 64, 96)
        flipped[0].set_metainfo(dict(flip=True, flip_direction=direction))
        mirrored = model(inputs.flip(axes), flipped, mode='predict')[0]
        torch.testing.assert_close(mirrored.fused_img.data,
                                   plain.fused_img.data)
    padded = make_samples(1, 64, 96)
    padded[0].set_metainfo(
        dict(ori_shape=(30, 40), img_padding_size=(0, 16, 0, 4)))
    small = model(inputs, padded, mode='predict')[0]
    assert small.fused_img.data.shape == (3, 30, 40)
    assert small.pred_sem_seg.data.shape == (1, 30, 40)
    cropped = plain.fused_img.data[:, :60, :80]
    expected = nn.functional.interpolate(cropped[None], (30, 40),
                                         mode='bilinear')[0]
    torch.testing.assert_close(small.fused_img.data, expected)


def test_without_data_samples(build):
    prediction = build().eval()(torch.rand(1, 4, 50, 70), mode='predict')[0]
    assert prediction.fused_img.data.shape == (3, 50, 70)
    assert prediction.pred_sem_seg.data.shape == (1, 50, 70)


def test_state_dict_prefixes(build):
    prefixes = {key.split('.')[0] for key in build().state_dict()}
    assert prefixes == {'fuser', 'segmentor'}


def test_optimize_for_inference_keeps_outputs(build, batch):
    inputs, _ = batch
    for fuser in FUSERS:
        model = build(fuser).eval()
        with torch.no_grad():
            before = model(inputs, mode='tensor')
            after = model.optimize_for_inference()(inputs, mode='tensor')
        torch.testing.assert_close(after, before, atol=1e-3, rtol=1e-3)


class TestTaskNormalizer:

    def test_matches_the_segmentors_own_preprocessor(self, segmentor_cfg):
        """What the segmentor sees is what its preprocessor would give."""
        cfg = segmentor_cfg('segformer').data_preprocessor
        norm = TaskNormalizer.from_config(cfg, 'auto', 'auto', 'auto')
        rgb = torch.randint(0, 256, (1, 3, 8, 8))
        own = MODELS.build(dict(cfg, size=(8, 8), _scope_='mmseg'))
        expected = own(dict(inputs=[rgb[0].flip(0)], data_samples=[]), False)
        torch.testing.assert_close(norm(rgb / 255), expected['inputs'],
                                   atol=1e-5, rtol=1e-5)

    def test_off_passes_through(self):
        image = torch.rand(1, 3, 4, 4)
        assert TaskNormalizer()(image) is image

    def test_bgr(self):
        image = torch.rand(1, 3, 4, 4)
        torch.testing.assert_close(
            TaskNormalizer(channel_order='bgr')(image), image.flip(1))

    @pytest.mark.parametrize('args', [
        dict(mean=[1, 2, 3]),
        dict(mean=[1], std=[1]),
        dict(channel_order='ycc'),
    ])
    def test_bad_arguments(self, args):
        with pytest.raises(ValueError, match='Expected'):
            TaskNormalizer(**args)


def test_bad_input(build):
    model = build()
    with pytest.raises(ValueError, match='stacked modalities'):
        model(torch.rand(1, 3, 32, 32), mode='tensor')
    with pytest.raises(ValueError, match='mode'):
        model(torch.rand(1, 4, 32, 32), mode='train')
    with pytest.raises(TypeError, match='named configs'):
        build(fusion_losses=dict(type='CorrelationLoss'))


def test_identity_fuser_gives_the_bare_segmentor(segmentor_cfg, batch):
    """Wrapping adds nothing to the segmentor's own prediction."""

    class TakeVisible(nn.Module):

        def forward(self, vis, ir):
            return FuserOutput(fused=vis)

    torch.manual_seed(0)
    cfg = segmentor_cfg('segformer')
    bare = MODELS.build(cfg).eval()
    model = MODELS.build(
        dict(type='FuserSegmenter', fuser=TakeVisible(),
             segmentor=segmentor_cfg('segformer'))).eval()
    model.segmentor.load_state_dict(bare.state_dict())
    inputs, samples = batch
    image = (inputs[:, :3] * 255).round()
    data = bare.data_preprocessor(
        dict(inputs=list(image.flip(1)), data_samples=samples), False)
    with torch.no_grad():
        expected = bare.predict(data['inputs'], make_samples(2, 64, 96))
        stacked = torch.cat((image / 255, inputs[:, 3:]), dim=1)
        got = model.predict(stacked, make_samples(2, 64, 96))
    for one, other in zip(got, expected, strict=True):
        torch.testing.assert_close(one.seg_logits.data, other.seg_logits.data,
                                   atol=1e-4, rtol=1e-4)
