"""A prediction does not depend on what else is in its batch."""
import numpy as np
import pytest
import torch
from mmengine.config import ConfigDict
from mmengine.dataset import pseudo_collate
from mmengine.model import BaseTTAModel

from mmfusion.models.wrappers import FuserSegmenter, ImageFuser
from mmfusion.registry import MODELS
from mmfusion.structures import FusionDataSample
from tests.support.fuser_cases import FUSERS
from tests.support.fuser_cases import build as build_fuser

#: the first and the third share a batch
SIZES = ((16, 24), (25, 18), (16, 24), (24, 25))
TOLERANCE = dict(atol=1e-4, rtol=0)


def items(fuser, sizes=SIZES):
    """Packed pairs, with texts of several lengths where they are needed."""
    rng = np.random.default_rng(0)
    packed = []
    for number, size in enumerate(sizes):
        sample = FusionDataSample(
            metainfo=dict(ori_shape=size, img_shape=size, stem=str(number)))
        if fuser.needs_text:
            shape = 2 + number, getattr(fuser, 'text_channels', 768)
            sample.text = torch.from_numpy(rng.normal(size=shape)).float()
        image = rng.integers(0, 256, (4, *size), np.uint8)
        packed.append(dict(inputs=torch.from_numpy(image),
                           data_samples=sample))
    return packed


@torch.no_grad()
def predict(model, packed):
    """In double precision: samplers of random weights amplify rounding."""
    data = model.data_preprocessor(pseudo_collate(packed), False)
    return model.predict(data['inputs'].double(), data['data_samples'])


def check(model, *fields):
    """In a batch as alone, in the same order, at the same sizes."""
    model.double().eval()
    alone = [predict(model, [item])[0] for item in items(model.fuser)]
    together = predict(model, items(model.fuser))
    assert [sample.stem
            for sample in together] == [sample.stem for sample in alone]
    for ours, theirs in zip(together, alone, strict=True):
        for name in ('fused_img', *fields):
            one, other = (getattr(x, name).data for x in (ours, theirs))
            assert one.shape[1:] == ours.ori_shape
            torch.testing.assert_close(one, other, **TOLERANCE)


@pytest.mark.parametrize('name', FUSERS)
def test_every_fuser_before_a_segmentor(name, segmentor_cfg):
    model = FuserSegmenter(build_fuser(name), segmentor_cfg('erfnet_cnn'),
                           output_norm='minmax')
    check(model, 'seg_logits', 'pred_sem_seg')


@pytest.mark.parametrize('segmentor',
                         ['segformer', 'pspnet_with_auxiliary_head'])
def test_other_segmentors(build, segmentor):
    preprocessor = dict(type='FusionDataPreprocessor', size_divisor=64)
    model = build('average', segmentor, data_preprocessor=preprocessor)
    check(model, 'seg_logits')


@pytest.mark.parametrize('fuse_first', [True, False])
def test_slide_inference(build, fuse_first):
    model = build('average', 'erfnet_cnn', fuse_first=fuse_first)
    model.segmentor.test_cfg = ConfigDict(mode='slide', crop_size=(16, 16),
                                          stride=(8, 8))
    check(model, 'seg_logits')


def test_semantic_logits_of_a_fuser():
    check(ImageFuser(build_fuser('PSFusion')), 'seg_logits')


@pytest.mark.parametrize('mode', ['constant', 'replicate'])
def test_padding_of_the_preprocessor(mode):
    preprocessor = dict(type='FusionDataPreprocessor', size_divisor=48,
                        pad_mode=mode, pad_val=0.5)
    check(
        ImageFuser(build_fuser('GuidedFilterFuser'),
                   data_preprocessor=preprocessor))


def test_registration():
    model = ImageFuser(build_fuser('AverageFuser'),
                       registration=dict(type='RegistrationHead', channels=8))
    torch.nn.init.normal_(model.registration.project.weight)
    check(model)


def watched():
    """A model, and the shapes that its fuser has seen."""
    model, seen = ImageFuser(build_fuser('AverageFuser')).eval(), []
    model.fuser.register_forward_pre_hook(
        lambda _, args: seen.append(tuple(args[0].shape)))
    return model, seen


def test_images_of_one_size_run_together():
    model, seen = watched()
    for step in (model.test_step, model.val_step):
        step(pseudo_collate(items(model.fuser, [(24, 40)] * 3)))
        assert seen == [(3, 3, 24, 40)]
        seen.clear()
        done = step(pseudo_collate(items(model.fuser)))
        assert sorted(seen) == [(1, 3, 24, 25), (1, 3, 25, 18), (2, 3, 16, 24)]
        assert [sample.fused_img.shape for sample in done] == [*SIZES]
        seen.clear()


def test_predict_of_a_padded_batch():
    """Also of a part of it, and of samples that know of no padding."""
    model, seen = watched()
    data = model.data_preprocessor(pseudo_collate(items(model.fuser)), False)
    part = model.predict(data['inputs'][1:2], data['data_samples'][1:2])
    assert seen == [(1, 3, 25, 18)]
    assert part[0].fused_img.shape == part[0].pad_shape == (25, 18)
    assert part[0].img_padding_size == part[0].padding_size == (0, 0, 0, 0)
    seen.clear()
    model.predict(data['inputs'])
    assert seen == [(4, 3, 25, 25)]
    assert len(model.predict_fused(**data)) == 4


def test_text_of_some_alone():
    """A fuser that may do without text does so image by image."""
    fuser = build_fuser('FILMFusion')
    fuser.missing_text = 'none'
    model = ImageFuser(fuser).eval()
    some = items(fuser, [(24, 40)] * 3)
    del some[1]['data_samples'].text
    with torch.no_grad():
        together = model.test_step(pseudo_collate(some))
        for item, sample in zip(some, together, strict=True):
            alone, = model.test_step(pseudo_collate([item]))
            torch.testing.assert_close(sample.fused_img.data,
                                       alone.fused_img.data, **TOLERANCE)


def test_test_time_augmentation(build):
    """Each view is a batch of its own."""
    model = MODELS.build(
        dict(type='FuserSegTTAModel', module=build('average',
                                                   'erfnet_cnn'))).eval()
    assert isinstance(model, BaseTTAModel)

    def views(packed):
        mirrored = [
            dict(inputs=item['inputs'].flip(2),
                 data_samples=item['data_samples'].clone()) for item in packed
        ]
        for item in mirrored:
            item['data_samples'].set_metainfo(
                dict(flip=True, flip_direction='horizontal'))
        pairs = [pseudo_collate(view) for view in (packed, mirrored)]
        return {key: [pair[key] for pair in pairs] for key in pairs[0]}

    fuser = model.module.fuser
    with torch.no_grad():
        together = model.test_step(views(items(fuser)))
        for item, sample in zip(items(fuser), together, strict=True):
            alone, = model.test_step(views([item]))
            for name in ('fused_img', 'seg_logits'):
                torch.testing.assert_close(
                    getattr(sample, name).data,
                    getattr(alone, name).data, **TOLERANCE)
