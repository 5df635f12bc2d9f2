"""Numbers of classes are compared before anything runs."""
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from mmfusion.apis.model_loading import build_network
from mmfusion.registry import HOOKS, MODELS
from mmfusion.utils.config_file import load_config
from mmfusion.utils.errors import UsageError
from tests.support import tiny_project
from tests.support.wrapper_cases import FUSERS

NINE = tuple('abcdefghi')


class IoUMetric:
    """Scores labels."""


class FusionMetric:
    """Scores images."""


def start(model, classes=NINE, mode='train', metric=None, wrapped=False,
          evaluator=None):
    """Begin a run of a model on a labelled set of these classes."""
    dataset = SimpleNamespace(metainfo=dict(classes=classes),
                              data_prefix=dict(seg_map_path='labels'))
    if wrapped:
        dataset = SimpleNamespace(
            datasets=[SimpleNamespace(dataset=dataset, metainfo={})])
    loop = SimpleNamespace(
        dataloader=SimpleNamespace(dataset=dataset), evaluator=evaluator
        or SimpleNamespace(metrics=[metric or IoUMetric()]))
    runner = SimpleNamespace(model=model, **{f'_{mode}_loop': loop})
    HOOKS.build(dict(type='NumClassesHook')).before_run(runner)


def error_of(model, *args, **options):
    with pytest.raises(UsageError) as error:
        start(model, *args, **options)
    text = str(error.value)
    assert '\n' not in text
    return text


@pytest.fixture
def segmenter(tmp_path):
    """Make one with an auxiliary head and weights of classes."""
    cfg = load_config(tiny_project.make_project(tmp_path) / 'stage2.py')

    def make(decode=9, auxiliary=9, weights=9):
        node = cfg.model.segmentor
        node.decode_head.num_classes = decode
        node.decode_head.loss_decode.class_weight = [1.0] * weights
        node.auxiliary_head = dict(
            type='mmseg.FCNHead', in_channels=8, channels=8, num_convs=1,
            in_index=0, num_classes=auxiliary,
            loss_decode=dict(type='mmseg.CrossEntropyLoss'))
        return build_network(cfg)

    return make


def test_equal_numbers_pass(segmenter):
    for mode in ('train', 'val', 'test'):
        start(segmenter(), mode=mode)


@pytest.mark.parametrize('counts, place', [
    (dict(decode=5), 'model.segmentor.decode_head.num_classes of 5'),
    (dict(auxiliary=5), 'model.segmentor.auxiliary_head.num_classes of 5'),
    (dict(weights=5),
     'model.segmentor.decode_head.loss_decode.class_weight of 5'),
])
@pytest.mark.parametrize('wrapped', [False, True])
def test_each_place_is_compared(segmenter, counts, place, wrapped):
    text = error_of(segmenter(**counts), wrapped=wrapped)
    assert place in text and text.count(' of 5') == 1
    assert "9 classes of train_dataloader (SimpleNamespace: 'a', 'b'" in text


def test_all_that_differ_are_named_at_once(segmenter):
    text = error_of(segmenter(), tuple('abcde'))
    assert text.count(' of 9') == 3 and 'Set these to 5' in text


def test_without_class_names_heads_are_compared(segmenter):
    start(segmenter(), None)
    assert 'auxiliary_head.num_classes of 5' in error_of(
        segmenter(auxiliary=5), None)


def test_a_name_instead_of_names(segmenter):
    assert "write ('person', )" in error_of(segmenter(), 'person')


def test_images_alone_need_no_classes(segmenter):
    start(segmenter(5), mode='test', metric=FusionMetric())
    start(segmenter(5), mode='test', evaluator=FusionMetric())
    split = SimpleNamespace(metric=IoUMetric())  # as ConditionMetric has it
    assert 'test_dataloader' in error_of(segmenter(5), mode='test',
                                         metric=split)


@pytest.fixture
def fuser():

    def make(count, weight=10.0, **options):
        return MODELS.build(
            dict(
                type='ImageFuser', fuser=dict(FUSERS['psfusion'],
                                              num_classes=count),
                fusion_losses=dict(
                    all=dict(type='PSFusionLoss', semantic_weight=weight)),
                **options))

    return make


def test_semantic_head_of_a_fuser(fuser):
    start(fuser(9))
    assert 'model.fuser.num_classes of 5' in error_of(fuser(5))
    assert 'model.fuser.num_classes of 5' in error_of(fuser(5), mode='val')


def test_a_semantic_head_that_is_not_used(fuser):
    start(fuser(5, weight=0.0))
    start(fuser(5, fuser_frozen=True))
    start(fuser(5), mode='test', metric=FusionMetric())


def detector(classes, weights):
    """The names and attributes that mmdet's detectors have."""
    head = nn.Module()
    head.num_classes = classes
    head.loss_cls = nn.Module()
    head.loss_cls.class_weight = torch.ones(weights)
    rpn_head = nn.Module()
    rpn_head.num_classes = 1
    model = nn.Module()
    model.detector = nn.ModuleDict(
        dict(rpn_head=rpn_head,
             roi_head=nn.ModuleDict(dict(bbox_head=nn.ModuleList([head])))))
    return model


@pytest.mark.parametrize('count', [1, 2])
def test_two_classes_of_one_logit(count):
    model = detector(count, 9)
    model.detector.roi_head.bbox_head[0].out_channels = 1
    start(model, ('background', 'person'))
    assert 'num_classes of 2' in error_of(model, NINE)


def test_boxes():
    start(detector(9, 9))
    start(detector(9, 10))  # and none of them
    place = 'model.detector.roi_head.bbox_head.0'
    assert f'{place}.num_classes of 3' in error_of(detector(3, 10))
    assert f'{place}.loss_cls.class_weight of 8' in error_of(detector(9, 8))
