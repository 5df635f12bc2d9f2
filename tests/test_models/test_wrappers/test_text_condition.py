"""Text on its way from samples through the wrappers into a fuser."""
import numpy as np
import pytest
import torch
from mmengine.config import ConfigDict
from mmengine.dataset import pseudo_collate
from torch import nn

from mmfusion.models.data_preprocessor import FusionDataPreprocessor
from mmfusion.registry import DATASETS, MODELS
from tests.support import tiny_project
from tests.support.h5_cases import feature
from tests.support.text_cases import TextGateFuser
from tests.support.wrapper_cases import make_samples

LENGTHS = (3, 7)


def samples_with_text(height=64, width=96):
    samples = make_samples(2, height, width)
    for index, (sample, length) in enumerate(zip(samples, LENGTHS,
                                                 strict=True)):
        sample.text = torch.tensor(feature(index, length))
        sample.set_metainfo(dict(vis_path=f'vis/{index}.png'))
    return samples


def image_fuser():
    torch.manual_seed(0)
    return MODELS.build(
        dict(type='ImageFuser', fuser=dict(type='TextGateFuser'),
             fusion_losses=dict(average=dict(type='AverageLoss'))))


@pytest.fixture
def watched(segmentor_cfg):
    """A text-guided FuserSegmenter that notes what its fuser receives."""

    def make(**kwargs):
        torch.manual_seed(0)
        model = MODELS.build(
            dict(type='FuserSegmenter', fuser=dict(type='TextGateFuser'),
                 segmentor=segmentor_cfg('segformer'),
                 fusion_losses=dict(average=dict(type='AverageLoss')),
                 **kwargs))
        nn.init.normal_(model.fuser.gate.weight, std=2.0)
        seen = []
        model.fuser.register_forward_pre_hook(
            lambda m, args, kw: seen.append((args[0].shape, kw)),
            with_kwargs=True)
        return model, seen

    return make


def test_condition():
    model = image_fuser()
    samples = samples_with_text()
    condition = model.condition(samples)
    assert sorted(condition) == ['text', 'text_mask']
    text, mask = condition['text'], condition['text_mask']
    assert text.shape == (2, 7, 16) and text.dtype == torch.float32
    assert mask.dtype == torch.bool and mask.sum(1).tolist() == [3, 7]
    assert torch.equal(text[0, :3], samples[0].text)
    assert (text[0, 3:] == 0).all()
    assert model.to('meta').condition(samples)['text'].device.type == 'meta'


def test_device_of_a_fuser_without_parameters():
    model = image_fuser()
    model.fuser = nn.Identity()
    model.fuser.needs_text = True
    model.to('meta')
    assert model.condition(samples_with_text())['text'].is_meta


def test_other_fusers_get_nothing(build):
    assert build('average').condition(samples_with_text()) == {}


def test_missing_text_names_the_file():
    model = image_fuser()
    samples = samples_with_text()
    del samples[1].text
    with pytest.raises(
            ValueError, match=(
                "TextGateFuser is guided by text.*'vis/1.png'.*LoadTextFeat")):
        model.condition(samples)
    with pytest.raises(ValueError, match='data_samples with text'):
        model(torch.rand(2, 4, 32, 32), mode='tensor')
    samples[1].text = torch.zeros(2, 8)
    with pytest.raises(ValueError, match="16 of 'vis/0.png', 8 of 'vis/1"):
        model.condition(samples)
    samples[1].text = torch.zeros(8)
    with pytest.raises(ValueError, match=r'\(L, C\)'):
        model.condition(samples)


def test_batch_equals_single_pairs():
    """What pads the shorter text does not reach its image."""
    model = image_fuser().eval()
    nn.init.normal_(model.fuser.gate.weight)
    inputs, samples = torch.rand(2, 4, 40, 52), samples_with_text(40, 52)
    together = model(inputs, samples, mode='tensor')
    for index in range(2):
        alone = model(inputs[index:index + 1], samples[index:index + 1],
                      mode='tensor')
        torch.testing.assert_close(together[index], alone[0])
    samples[0].text = samples[0].text + 1
    changed = model(inputs, samples, mode='tensor')
    assert (changed[0] - together[0]).abs().max() > 1e-3
    torch.testing.assert_close(changed[1], together[1])


def test_joint_training(watched, batch):
    model, seen = watched()
    model.train()
    losses = model(batch[0], samples_with_text(), mode='loss')
    assert {'fusion.loss_average', 'segmentor.decode.loss_ce'} <= set(losses)
    model.parse_losses(losses)[0].backward()
    assert seen[0][1]['text'].shape == (2, 7, 16)
    assert model.fuser.gate.weight.grad.abs().sum() > 0


def test_predict_and_tensor(watched, batch):
    model, seen = watched()
    model.eval()
    inputs = batch[0]
    with torch.no_grad():
        logits = model(inputs, samples_with_text(), mode='tensor')
        predictions = model(inputs, samples_with_text(), mode='predict')
    assert logits.shape[:2] == (2, 9) and len(seen) == 2
    for index, sample in enumerate(predictions):
        text = torch.tensor(feature(index, LENGTHS[index]))[None]
        fused = model.fuser(inputs[index:index + 1, :3],
                            inputs[index:index + 1,
                                   3:], text=text, text_mask=None).fused[0]
        torch.testing.assert_close(sample.fused_img.data, fused.clamp(0, 1),
                                   atol=1e-5, rtol=0)
        assert sample.pred_sem_seg.data.shape == (1, 64, 96)


@pytest.mark.parametrize('fuse_first', [True, False])
def test_slide_inference(watched, batch, fuse_first):
    model, seen = watched(fuse_first=fuse_first)
    model.eval()
    model.segmentor.test_cfg = ConfigDict(mode='slide', crop_size=(32, 48),
                                          stride=(32, 48))
    with torch.no_grad():
        predictions = model(batch[0], samples_with_text(), mode='predict')
    sizes = [tuple(shape[2:]) for shape, _ in seen]
    assert sizes == [(64, 96)] + (0 if fuse_first else 4) * [(32, 48)]
    for _, condition in seen:
        assert condition['text_mask'].sum(1).tolist() == [3, 7]
    assert predictions[1].seg_logits.data.shape == (9, 64, 96)


def test_from_files_to_losses(watched, tmp_path):
    """Pipeline, collate, preprocessor and model in a row."""
    tiny_project.write_pairs(tmp_path, size=(64, 96))
    for index in range(3):
        np.save(tmp_path / f'{index:03d}.npy', feature(index, 3 + index))
    dataset = DATASETS.build(
        dict(
            type='MFNetDataset', data_root=str(tmp_path),
            data_prefix=dict(vis_path='vis', ir_path='ir',
                             seg_map_path='labels'), ann_file='', pipeline=[
                                 dict(type='LoadFusionPair'),
                                 dict(type='LoadFusionAnnotations'),
                                 dict(type='LoadTextFeatures',
                                      features=str(tmp_path)),
                                 dict(type='RandomFlip', prob=1.0),
                                 dict(type='PackFusionInputs')
                             ]))
    model, seen = watched(data_preprocessor=dict(
        type='FusionDataPreprocessor'))
    model.train()
    assert isinstance(model.data_preprocessor, FusionDataPreprocessor)
    data = model.data_preprocessor(
        pseudo_collate([dataset[index] for index in (2, 0)]), True)
    losses = model(**data, mode='loss')
    assert torch.isfinite(model.parse_losses(losses)[0])
    text, mask = seen[0][1]['text'], seen[0][1]['text_mask']
    assert mask.sum(1).tolist() == [5, 3]
    np.testing.assert_array_equal(text[0], feature(2, 5))


def test_the_test_fuser_uses_text_and_mask():
    fuser = TextGateFuser()
    vis, ir = torch.rand(1, 3, 8, 8), torch.rand(1, 1, 8, 8)
    text = torch.randn(1, 4, 16)
    mask = torch.tensor([[True, True, False, False]])
    masked = fuser(vis, ir, text=text, text_mask=mask).fused
    torch.testing.assert_close(masked, fuser(vis, ir, text=text[:, :2]).fused)
    assert not torch.allclose(masked, fuser(vis, ir, text=text).fused)
