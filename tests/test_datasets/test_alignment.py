"""Modalities and all maps move together under every geometric transform."""
from collections import Counter

import cv2
import numpy as np
import pytest

from mmfusion.registry import TRANSFORMS

GEOMETRIC = dict(
    resize=dict(type='Resize', scale=(96, 80), keep_ratio=False),
    resize_ratio=dict(type='Resize', scale_factor=1.7, keep_ratio=True),
    random_resize=dict(type='RandomResize', scale=(64, 48),
                       ratio_range=(0.9, 2.0), keep_ratio=True),
    choice=dict(type='RandomChoiceResize', scales=[(80, 60), (128, 96)],
                keep_ratio=True),
    crop=dict(type='RandomCrop', crop_size=(20, 28)),
    crop_ratio=dict(type='RandomCrop', crop_size=(20, 28), cat_max_ratio=0.75),
    flip=dict(type='RandomFlip', prob=[1 / 3, 1 / 3],
              direction=['vertical', 'horizontal']),
    diagonal=dict(type='RandomFlip', prob=1.0, direction='diagonal'),
    quarter=dict(type='RandomRotate90'),
    rotate=dict(type='RandomRotate', prob=1.0, degree=20),
    cut_out=dict(type='RandomCutOut', prob=1.0, n_holes=3, cutout_shape=(8, 8),
                 fill_in=(0, 0, 0, 0), seg_fill_in=0),
    cover=dict(type='ResizeToCover', size=(100, 90)),
    mmseg_resize=dict(type='mmseg.Resize', scale=(96, 80)),
)


def check_aligned(out):
    """Where the marks are not blurred by interpolation, all agree."""
    img, label = out['img'], out['gt_seg_map']
    assert img.shape[2] == 4 and img.shape[:2] == label.shape
    for channel in (1, 2, 3):
        np.testing.assert_array_equal(img[..., channel], img[..., 0])
    # Inside of blocks: image and label are constant around the pixel.
    window = np.ones((3, 3), np.uint8)
    grey = np.ascontiguousarray(img[..., 0])
    flat = (cv2.dilate(grey, window) == cv2.erode(grey, window)) & (cv2.dilate(
        label, window) == cv2.erode(label, window))
    known = flat & (label != 255)
    assert known.mean() > 0.1
    np.testing.assert_array_equal(label[known].astype(int) * 20, grey[known])
    if np.any(label == 255):
        assert (grey[flat & (label == 255)] == 0).all()
        known = label != 255
    else:
        known = np.ones_like(flat)
    # The maps are functions of the label, so they agree everywhere.
    np.testing.assert_array_equal(out['gt_binary_map'][known], label[known]
                                  > 0)
    np.testing.assert_array_equal(out['gt_boundary_map'][known],
                                  label[known] % 2)
    np.testing.assert_array_equal(out['gt_mask_map'][known], label[known] > 4)


@pytest.mark.parametrize('name', GEOMETRIC)
@pytest.mark.parametrize('seed', range(4))
def test_alignment(marked, name, seed):
    np.random.seed(seed)
    out = TRANSFORMS.build(GEOMETRIC[name])(marked(seed=seed))
    check_aligned(out)
    assert tuple(out['img_shape']) == out['img'].shape[:2]


def test_plain_names_mean_transforms_that_move_every_map():
    import mmseg.datasets.transforms as mmseg
    for name in ('Resize', 'RandomFlip', 'RandomCrop', 'RandomRotate',
                 'RandomCutOut'):
        assert issubclass(TRANSFORMS.get(name), getattr(mmseg, name))


@pytest.mark.parametrize('ratio', [0.3, 0.6, 0.75, 0.9, 1.0])
@pytest.mark.parametrize('seed', range(8))
def test_crop_draws_what_mmseg_draws(ratio, seed):
    from mmseg.datasets.transforms import RandomCrop
    rng = np.random.default_rng(seed)
    label = np.zeros((60, 80), np.uint8)
    label[10:30, 20:60] = 2
    label[40:50, :30] = 1
    label[rng.random(label.shape) < 0.1] = 255
    if seed == 0:
        label[:] = 255
    results = dict(img=np.zeros((60, 80, 4)), gt_seg_map=label)
    boxes = []
    for crop in (RandomCrop((24, 32), ratio),
                 TRANSFORMS.build(
                     dict(type='RandomCrop', crop_size=(24, 32),
                          cat_max_ratio=ratio))):
        np.random.seed(seed)
        boxes.append([crop.crop_bbox(results) for _ in range(20)])
    assert boxes[0] == boxes[1]


def test_crop_without_labels(marked):
    sample = {k: v for k, v in marked().items() if not k.startswith('gt_')}
    sample['seg_fields'] = []
    out = TRANSFORMS.build(GEOMETRIC['crop_ratio'])(sample)
    assert out['img'].shape == (20, 28, 4)


@pytest.mark.parametrize('seed', range(3))
def test_whole_recipe(marked, seed):
    np.random.seed(seed)
    sample = marked(seed=seed)
    for name in ('random_resize', 'crop', 'flip', 'quarter'):
        sample = TRANSFORMS.build(GEOMETRIC[name])(sample)
    check_aligned(sample)


def test_flip_is_one_of_three_equally(marked):
    np.random.seed(0)
    flip = TRANSFORMS.build(GEOMETRIC['flip'])
    seen = Counter(flip(marked(8, 8))['flip_direction'] for _ in range(1500))
    assert set(seen) == {None, 'vertical', 'horizontal'}
    assert max(abs(count - 500) for count in seen.values()) < 80


def test_quarter_turns_are_those_of_rot90_and_equally_likely(marked):
    np.random.seed(0)
    rotate = TRANSFORMS.build(GEOMETRIC['quarter'])
    seen = Counter()
    for _ in range(800):
        source = marked(8, 16)
        out = rotate(dict(source))
        turns = out['quarter_turns']
        seen[turns] += 1
        for key in ('img', *source['seg_fields']):
            np.testing.assert_array_equal(out[key],
                                          np.rot90(source[key], turns))
    assert set(seen) == {0, 1, 2, 3}
    assert max(abs(count - 200) for count in seen.values()) < 60


def test_quarter_turns_refuse_boxes(marked):
    with pytest.raises(ValueError, match='boxes'):
        TRANSFORMS.build(GEOMETRIC['quarter'])(dict(marked(),
                                                    gt_bboxes=np.zeros(
                                                        (1, 4))))


@pytest.mark.parametrize('size, expected', [
    ((40, 40), (48, 64)),
    ((96, 64), (96, 128)),
    (70, (70, 94)),
    ((48, 65), (49, 65)),
])
def test_resize_to_cover(marked, size, expected):
    source = marked()
    out = TRANSFORMS.build(dict(type='ResizeToCover', size=size))(source)
    assert out['img'].shape[:2] == out['img_shape'] == expected
    for key in out['seg_fields']:
        assert out[key].shape == expected
    if expected != (48, 64):
        assert out['scale_factor'] == (expected[1] / 64, expected[0] / 48)


def test_resize_to_cover_bad_size():
    with pytest.raises(ValueError, match='height, width'):
        TRANSFORMS.build(dict(type='ResizeToCover', size=(0, 4)))
