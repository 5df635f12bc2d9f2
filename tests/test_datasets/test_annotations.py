"""Label maps, their checks, and the maps derived from them."""
import cv2
import numpy as np
import pytest
from PIL import Image

from mmfusion.datasets.transforms import (DeriveFusionMaps,
                                          LoadFusionAnnotations)
from mmfusion.registry import DATASETS
from mmfusion.utils.errors import UsageError

CLASSES = ('unlabeled', 'car', 'person', 'bike', 'curve')
LABEL = np.random.default_rng(0).integers(0, 5, (12, 16)).astype(np.uint8)


@pytest.fixture
def sample(tmp_path):

    def make(label=LABEL, **extra):
        path = str(tmp_path / 'label.png')
        assert cv2.imwrite(path, label)
        return dict(seg_map_path=path, classes=CLASSES, seg_fields=[], **extra)

    return make


def test_grey_and_palette(sample, tmp_path):
    out = LoadFusionAnnotations()(sample())
    np.testing.assert_array_equal(out['gt_seg_map'], LABEL)
    assert out['seg_fields'] == ['gt_seg_map']
    image = Image.fromarray(LABEL, 'P')
    image.putpalette(list(range(30, 60)))
    image.save(tmp_path / 'palette.png')
    out = LoadFusionAnnotations()(dict(
        seg_map_path=str(tmp_path / 'palette.png'), classes=CLASSES,
        seg_fields=[]))
    np.testing.assert_array_equal(out['gt_seg_map'], LABEL)


def test_optional_labels():
    sample = dict(img_path='x.png', seg_fields=[])
    assert LoadFusionAnnotations(required=False)(sample)['seg_fields'] == []
    with pytest.raises(ValueError, match='x.png'):
        LoadFusionAnnotations()(sample)


def test_ignored_pixels_pass(sample):
    label = LABEL.copy()
    label[0] = 255
    out = LoadFusionAnnotations()(sample(label))
    assert (out['gt_seg_map'][0] == 255).all()


@pytest.mark.parametrize('value', [5, 254])
def test_label_out_of_range(sample, value):
    label = LABEL.copy()
    label[3, 4] = value
    with pytest.raises(ValueError) as error:
        LoadFusionAnnotations()(sample(label))
    text = str(error.value)
    assert 'label.png' in text and f'[{value}]' in text and '0..4' in text


def test_sixteen_bit_labels(sample):
    out = LoadFusionAnnotations()(sample(LABEL.astype(np.uint16)))
    np.testing.assert_array_equal(out['gt_seg_map'], LABEL)
    with pytest.raises(ValueError, match='0..255'):
        LoadFusionAnnotations()(sample(LABEL.astype(np.uint16) + 300))


def test_colour_label_is_an_error(sample):
    with pytest.raises(ValueError, match='one channel.*label.png'):
        LoadFusionAnnotations()(sample(np.dstack([LABEL] * 3)))


@pytest.mark.parametrize('content', [b'', b'text', None])
def test_damaged_label(sample, tmp_path, content):
    made = sample()
    path = tmp_path / 'label.png'
    path.write_bytes(path.read_bytes()[:40] if content is None else content)
    with pytest.raises(ValueError, match='label.png'):
        LoadFusionAnnotations()(made)


def test_reduce_zero_label_and_label_map(sample):
    label = LABEL.copy()
    label[0] = 255
    out = LoadFusionAnnotations()(sample(label, reduce_zero_label=True))
    expected = np.where((label == 0) | (label == 255), 255, label - 1)
    np.testing.assert_array_equal(out['gt_seg_map'], expected)
    out = LoadFusionAnnotations()(sample(label_map={
        0: 1,
        1: 0,
        2: 255,
        3: 3,
        4: 4
    }))
    expected = np.array([1, 0, 255, 3, 4])[LABEL]
    np.testing.assert_array_equal(out['gt_seg_map'], expected)


@pytest.mark.parametrize('on', [1, 255])
def test_further_maps_become_zero_and_one(sample, tmp_path, on):
    mask = np.zeros((12, 16), np.uint8)
    mask[2:5] = on
    cv2.imwrite(str(tmp_path / 'mask.png'), mask)
    out = LoadFusionAnnotations()(sample(mask_path=str(tmp_path / 'mask.png')))
    np.testing.assert_array_equal(out['gt_mask_map'], mask > 0)
    assert out['seg_fields'] == ['gt_seg_map', 'gt_mask_map']


def test_further_maps_with_a_palette(sample, tmp_path):
    mask = np.zeros((12, 16), np.uint8)
    mask[2:5] = 1
    image = Image.fromarray(mask, 'P')
    image.putpalette([0, 0, 0, 128, 0, 0])
    image.save(tmp_path / 'mask.png')
    out = LoadFusionAnnotations()(sample(mask_path=str(tmp_path / 'mask.png')))
    np.testing.assert_array_equal(out['gt_mask_map'], mask)


# ------------------------------------------------------------------ derived
def slow_boundary(label, width):
    """The definition, pixel by pixel."""
    reach = width // 2
    out = np.zeros_like(label)
    for y in range(label.shape[0]):
        for x in range(label.shape[1]):
            window = label[max(y - reach, 0):y + reach + 1,
                           max(x - reach, 0):x + reach + 1]
            out[y, x] = len(set(window[window != 255].tolist())) > 1
    out[label == 255] = 255
    return out


@pytest.mark.parametrize('width', [3, 5])
@pytest.mark.parametrize('seed', range(3))
def test_derived_maps_against_their_definition(width, seed):
    rng = np.random.default_rng(seed)
    label = np.kron(rng.integers(0, 5, (4, 5)), np.ones(
        (7, 7))).astype(np.uint8)
    label[rng.random(label.shape) < 0.05] = 255
    out = DeriveFusionMaps(boundary_width=width)(dict(
        gt_seg_map=label, classes=CLASSES, seg_fields=['gt_seg_map']))
    np.testing.assert_array_equal(out['gt_boundary_map'],
                                  slow_boundary(label, width))
    ignored = label == 255
    np.testing.assert_array_equal(out['gt_binary_map'],
                                  np.where(ignored, 255, label > 0))
    np.testing.assert_array_equal(
        out['gt_mask_map'], np.where(ignored, 255, np.isin(label, (1, 2, 3))))
    assert out['seg_fields'][1:] == [
        'gt_binary_map', 'gt_boundary_map', 'gt_mask_map'
    ]


def test_flat_label_has_no_boundary():
    out = DeriveFusionMaps(mask_classes=(4, ))(dict(
        gt_seg_map=np.full((9, 9), 4, np.uint8), seg_fields=[]))
    assert out['gt_boundary_map'].max() == 0
    assert out['gt_mask_map'].min() == 1


def test_files_win_over_derived_maps():
    given = np.full((12, 16), 1, np.uint8)
    out = DeriveFusionMaps()(dict(gt_seg_map=LABEL, gt_mask_map=given,
                                  classes=CLASSES,
                                  seg_fields=['gt_seg_map', 'gt_mask_map']))
    assert out['gt_mask_map'] is given
    assert sorted(out['seg_fields']) == sorted(
        ['gt_seg_map', 'gt_mask_map', 'gt_binary_map', 'gt_boundary_map'])


# --------------------------------------------------------------- background
NAMES = DATASETS.get('MFNetDataset').METAINFO['classes']
PERSON = [64, 64, 0]
MAPS = [
    dict(type='LoadFusionPair'),
    dict(type='LoadFusionAnnotations'),
    dict(type='DeriveFusionMaps'),
    dict(type='PackFusionInputs')
]


@pytest.mark.parametrize('rule, dropped', [
    ({}, False),
    (dict(reduce_zero_label=True), True),
    (dict(metainfo=dict(classes=NAMES[1:])), True),
    (dict(metainfo=dict(classes=NAMES[::-1])), False),
    (dict(metainfo=dict(classes=NAMES[::-1]), reduce_zero_label=True), True),
])
def test_background_is_what_the_data_set_says(write_pairs, rule, dropped):
    root = write_pairs(['1D'], label='labels')
    stored = cv2.imread(str(root / 'labels/1D.png'), 0)
    dataset = DATASETS.build(
        dict(type='MFNetDataset', data_root=str(root), pipeline=MAPS, **rule))
    sample = dataset[0]['data_samples']
    nothing = 255 if dropped else 0
    np.testing.assert_array_equal(sample.gt_binary.data[0],
                                  np.where(stored > 0, 1, nothing))
    np.testing.assert_array_equal(
        sample.gt_mask.data[0],
        np.where(stored > 0, np.isin(stored, (1, 2, 3)), nothing))
    meta = dataset.metainfo
    assert len(meta['classes']) == len(meta['palette']) == 9 - dropped
    person = meta['classes'].index('person')
    assert meta['palette'][person] == PERSON
    np.testing.assert_array_equal(sample.gt_sem_seg.data[0] == person,
                                  stored == 2)


@pytest.mark.parametrize('classes, options, expected', [
    (('road', 'car', 'person', 'bike'), {}, [1, 1, 1, 1, 255]),
    (None, dict(mask_classes=()), [1, 1, 1, 1, 255]),
    (('car', 'person', 'bike', '__background__'), {}, [1, 1, 1, 0, 255]),
    (('other', 'car', 'person', 'bike'), dict(background=0), [0, 1, 1, 1, 255
                                                              ]),
])
def test_class_0_without_a_name_of_background(classes, options, expected):
    label = np.array([[0, 1, 2, 3, 255]], np.uint8)
    out = DeriveFusionMaps(**options)(dict(gt_seg_map=label, classes=classes,
                                           seg_fields=[]))
    assert out['gt_binary_map'].tolist() == [expected]


def test_reduction_of_a_sample_without_a_data_set(sample):
    steps = LoadFusionAnnotations(reduce_zero_label=True), DeriveFusionMaps()
    out = steps[1](steps[0](sample()))
    assert out['classes'] == CLASSES[1:] and out['reduce_zero_label']
    np.testing.assert_array_equal(out['gt_binary_map'],
                                  np.where(LABEL == 0, 255, 1))
    np.testing.assert_array_equal(
        out['gt_mask_map'], np.where(LABEL == 0, 255,
                                     np.isin(LABEL, (1, 2, 3))))


def test_contradicting_reductions(sample, write_pairs):
    with pytest.raises(UsageError, match='Set it in the data set'):
        LoadFusionAnnotations(reduce_zero_label=True)(
            sample(reduce_zero_label=False))
    root = write_pairs(['1D'], label='labels')
    with pytest.raises(UsageError, match='drop two labels'):
        DATASETS.build(
            dict(type='MFNetDataset', data_root=str(root),
                 reduce_zero_label=True, metainfo=dict(classes=NAMES[1:])))


def test_derive_bad_input():
    with pytest.raises(ValueError, match='without labels'):
        DeriveFusionMaps()(dict(seg_fields=[]))
    with pytest.raises(ValueError, match='tram'):
        DeriveFusionMaps(mask_classes=('tram', ))(dict(gt_seg_map=LABEL,
                                                       classes=CLASSES,
                                                       seg_fields=[]))
    for width in (1, 4):
        with pytest.raises(ValueError, match='odd'):
            DeriveFusionMaps(boundary_width=width)
