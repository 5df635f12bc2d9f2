"""Networks of mmseg and mmdet behind a fuser."""
import pytest
import torch
from mmengine.config import Config
from mmengine.logging import MessageHub
from mmengine.registry import DefaultScope

from mmfusion.analysis.compatibility import networks, table, trial
from mmfusion.apis.model_loading import name_classes
from mmfusion.models.wrappers.network_config import complete_network
from mmfusion.models.wrappers.task_norm import TaskNormalizer
from mmfusion.models.wrappers.task_preprocessor import (TaskPreprocessor,
                                                        has_own_preprocessor)
from mmfusion.registry import MODELS
from mmfusion.structures import FusionDataSample
from mmfusion.utils.errors import UsageError

SEGMENTORS = ('bisenetv2', 'cgnet')
# steps of a runner, borders, another config, a preprocessor of its own
DETECTORS = ('yolox', 'tood', 'centernet', 'ld', 'boxinst')
OWN = dict(type='BoxInstDataPreprocessor', mean=[123.675, 116.28, 103.53],
           std=[58.395, 57.12, 57.375], bgr_to_rgb=True, pad_size_divisor=32)


def network(package, name):
    found, = table.choose(networks.networks(package), [name])
    return found


@pytest.mark.no_cover
@pytest.mark.parametrize('name', SEGMENTORS)
def test_segmentors(name):
    assert trial.try_network(network('mmseg', name), (64, 128))['works']


@pytest.mark.detection
@pytest.mark.no_cover
@pytest.mark.parametrize('name', DETECTORS)
def test_detectors(name, monkeypatch):
    """Also where no runner has counted steps before."""
    monkeypatch.setattr(MessageHub, '_instance_dict', {})
    assert trial.try_network(network('mmdet', name), (64, 128))['works']


@pytest.mark.detection
def test_tracking_is_none_of_a_wrapper():
    outcome = trial.try_network(network('mmdet', 'qdtrack'))
    assert outcome['out'] and not outcome['works']
    assert table.told(outcome) == 'no task of a wrapper'


def test_every_network_is_on_the_menu():
    listed = networks.networks('mmseg')
    assert len(listed) >= 50 and len({n.key for n in listed}) == len(listed)
    with pytest.raises(UsageError, match='no_such'):
        table.choose(listed, ['cgnet', 'no_such'])


def test_what_a_config_leaves_open():
    cfg = dict(test_cfg=dict(mode='slide', crop_size=256, stride=(170, 90)),
               text_encoder=dict(dataset_name=None),
               teacher='configs/_base_/models/cgnet.py', other='configs/x.py')
    done = complete_network(cfg, 'mmseg', ['road', 'car'])
    assert done['test_cfg']['crop_size'] == (256, 256)
    assert done['test_cfg']['stride'] == (170, 90)
    assert done['text_encoder']['vocabulary'] == ['road', 'car']
    assert Config.fromfile(done['teacher']).model.type == 'EncoderDecoder'
    assert done['other'] == 'configs/x.py'
    assert cfg['test_cfg']['crop_size'] == 256


def test_class_names_come_from_the_data():
    segmentor = dict(text_encoder=dict(dataset_name=None))
    data = dict(dataset=dict(metainfo=dict(classes=('road', 'car'))))
    cfg = Config(dict(model=dict(segmentor=segmentor), train_dataloader=data))
    name_classes(cfg)
    assert list(cfg.model.classes) == ['road', 'car']
    plain = Config(dict(model=dict(segmentor=dict()), train_dataloader=data))
    name_classes(plain)
    assert 'classes' not in plain.model


def sample(height, width):
    from mmengine.structures import InstanceData
    made = FusionDataSample(metainfo=dict(img_shape=(height, width)))
    made.gt_instances = InstanceData(bboxes=torch.tensor([[4., 4., 30., 30.]]),
                                     labels=torch.tensor([0]))
    return made


@pytest.mark.detection
def test_own_preprocessor_does_what_it_does_alone():
    """To images of several sizes and to samples; the gradient passes."""
    assert has_own_preprocessor(OWN, 'mmdet')
    assert not has_own_preprocessor(dict(type='DetDataPreprocessor'), 'mmdet')
    assert not has_own_preprocessor({}, 'mmseg')
    sizes = ((64, 96), (50, 70))
    images = [torch.randint(0, 256, (3, *size)).byte() for size in sizes]
    with DefaultScope.overwrite_default_scope('mmdet'):
        alone = MODELS.build(dict(OWN))
    expected = alone(
        dict(inputs=images, data_samples=[sample(*size) for size in sizes]),
        True)
    norm = TaskNormalizer.from_config(OWN, 'auto', 'auto', 'auto')
    fused = torch.zeros(2, 3, 64, 96)
    for place, image in zip(fused, images, strict=True):
        height, width = image.shape[1:]
        place[:, :height, :width] = image.flip(0) / 255  # RGB
    fused.requires_grad_()
    out, samples = TaskPreprocessor(OWN, norm,
                                    'mmdet')(fused,
                                             [sample(*size) for size in sizes],
                                             True)
    torch.testing.assert_close(out, expected['inputs'], atol=1e-4, rtol=1e-4)
    for one, other in zip(samples, expected['data_samples'], strict=True):
        assert one.pad_shape == other.pad_shape
        mine, theirs = (x.gt_instances.pairwise_masks for x in (one, other))
        # a grey value next to a whole number may be rounded either way
        assert mine.shape == theirs.shape
        assert (mine != theirs).float().mean() < 0.02
    out.sum().backward()
    assert fused.grad[0].abs().min() > 0


def test_preprocessors_that_do_not_normalize():
    norm = TaskNormalizer.from_config(dict(type='DetDataPreprocessor'), 'auto',
                                      'auto', 'auto')
    assert norm.is_plain
    torch.testing.assert_close(norm(torch.full((1, 3, 2, 2), 0.5)),
                               torch.full((1, 3, 2, 2), 127.5))


WORKS = dict(works=True, size=64, config='a')
LARGE = dict(works=True, size=320, config='b')
OPERATOR = dict(works=False, stage='train', config='c', missing=True,
                reason="Expected mmcv's compiled operator 'psamask_forward'")
BROKEN = dict(works=False, stage='train', config='d', alone=True,
              missing=False, reason='KeyError: a | b')


@pytest.mark.parametrize('outcome, compiled, text', [
    (WORKS, None, 'works'),
    (LARGE, None, 'works from 320 px'),
    (OPERATOR, None, "fails to train: mmcv's compiled operator `psamask`"),
    (OPERATOR, WORKS, "works with mmcv's compiled operator `psamask`"),
    (BROKEN, None, 'fails without a fuser, too: `KeyError: a / b`'),
    (BROKEN, WORKS, "works with mmcv's compiled operators"),
])
def test_words(outcome, compiled, text):
    assert table.told(outcome, compiled) == text
