"""Transforms of distillation sets: what moves together, what does not."""
import cv2
import numpy as np
import pytest
import torch

from mmfusion.datasets.transforms import flip_matrix
from tests.support.distill_cases import STACK, build, sample


def test_misalignment_moves_infrared_alone():
    np.random.seed(0)
    before = sample()
    out = build(type='RandomMisalign', prob=1.0)({
        **before, 'img':
        before['img'].copy()
    })
    same = [0, 1, 2, 4, 5, 6]
    assert np.array_equal(out['img'][..., same], before['img'][..., same])
    assert not np.array_equal(out['img'][..., 3], before['img'][..., 3])
    matrix = out['misalignment']
    assert matrix.shape == (3, 3)
    back = cv2.warpPerspective(out['img'][..., 3], np.linalg.inv(matrix),
                               (80, 64), flags=cv2.INTER_LINEAR)
    inner = np.s_[16:-16, 16:-16]
    error = np.abs(back[inner].astype(int) - before['img'][..., 3][inner])
    moved = np.abs(out['img'][..., 3][inner].astype(int) -
                   before['img'][..., 3][inner])
    assert error.mean() < 2 < moved.mean()


def test_misalignment_is_a_share_of_the_size():
    transform = build(type='RandomMisalign', prob=1.0, rotate=0, scale=(1, 1))
    for side in (512, 1024):
        np.random.seed(0)
        shifts = np.array(
            [transform._draw(side, 2 * side)[:2, 2] for _ in range(200)])
        limit = 20 * side / 512
        assert 0.9 * limit < np.abs(shifts).max() <= limit
    np.random.seed(0)
    half = build(type='RandomMisalign')
    warped = sum(not np.array_equal(half._draw(64, 64), np.eye(3))
                 for _ in range(400))
    assert 160 < warped < 240
    general = build(type='RandomMisalign', prob=1, shear=2., perspective=0.02)
    matrix = general._draw(64, 64)
    assert abs(matrix[2, :2]).max() > 0
    for bad in (dict(prob=2), dict(scale=(1.1, 1.0)), dict(rotate=-1)):
        with pytest.raises(ValueError, match='Expected'):
            build(type='RandomMisalign', **bad)
    with pytest.raises(ValueError, match='expected a modality'):
        build(type='RandomMisalign', modality='x')(sample())


def test_crop_and_flip_keep_all_in_register():
    """And the matrix still takes aligned places to warped ones."""
    np.random.seed(1)
    results = sample(96, 120)
    results['teacher_feature'] = cv2.resize(
        results['img'][..., :3].astype(np.float32), (60, 48),
        interpolation=cv2.INTER_AREA)
    for cfg in (dict(type='RandomMisalign', prob=1.0, translate=0.02),
                dict(type='RandomResizedCrop', size=(64, 80),
                     scale=(0.6, 0.8)), dict(type='RandomFlip', prob=1.0)):
        results = build(**cfg)(results)
    img = results['img']
    assert img.shape == (64, 80, 7) and results['img_shape'] == (64, 80)
    for channel in (1, 2, 4, 5, 6):
        assert np.array_equal(img[..., channel], img[..., 0])
    back = cv2.warpPerspective(img[..., 3],
                               np.linalg.inv(results['misalignment']),
                               (80, 64))
    inner = np.s_[12:-12, 12:-12]
    error = np.abs(back[inner].astype(int) - img[..., 0][inner]).mean()
    moved = np.abs(img[..., 3][inner].astype(int) - img[..., 0][inner]).mean()
    assert error < 3 and error < moved / 3
    feature = results['teacher_feature']
    assert feature.shape == (32, 40, 3)
    small = cv2.resize(img[..., 0].astype(np.float32), (40, 32),
                       interpolation=cv2.INTER_AREA)
    assert np.abs(feature[2:-2, 2:-2, 0] - small[2:-2, 2:-2]).mean() < 3


@pytest.mark.parametrize('cfg', [
    dict(type='RandomCrop', crop_size=(8, 8)),
    dict(type='RandomRotate90'),
    dict(type='RandomRotate', prob=1.0, degree=5),
    dict(type='RandomCutOut', prob=1.0, n_holes=1, cutout_shape=(4, 4)),
    dict(type='Pad', size=(100, 100)),
])
def test_features_that_would_stay_behind(cfg):
    results = dict(sample(), teacher_feature=np.zeros((8, 8, 3), np.float32))
    with pytest.raises(ValueError, match='does not move teacher_feature'):
        build(**cfg)(results)


def test_resizing_keeps_features():
    """They are maps of a fraction of the image's size."""
    feature = np.zeros((8, 10, 3), np.float32)
    for cfg in (dict(type='Resize',
                     scale=(40, 32)), dict(type='ResizeToCover',
                                           size=(96, 96))):
        out = build(**cfg)(dict(sample(), teacher_feature=feature))
        assert out['teacher_feature'] is feature


def test_quarter_turns_of_seven_channels():
    np.random.seed(0)
    seen = set()
    for _ in range(20):
        before = sample()
        before['img'] = before['img'] * np.arange(1, 8, dtype=np.uint8)
        out = build(type='RandomRotate90')(dict(before))
        seen.add(out['quarter_turns'])
        assert np.array_equal(out['img'],
                              np.rot90(before['img'], out['quarter_turns']))
        assert out['img'].flags.c_contiguous
    assert seen == {0, 1, 2, 3}


@pytest.mark.parametrize('cfg', [
    dict(type='Resize', scale=(160, 96), keep_ratio=False),
    dict(type='RandomResizedCrop', size=(96, 150), scale=(0.7, 0.9)),
    dict(type='RandomFlip', prob=1.0)
])
def test_matrix_leads_from_marker_to_marker(cfg):
    """A blob of each modality, found again by its centre of mass."""
    np.random.seed(0)
    results = sample(64, 80)
    blob = np.zeros((64, 80), np.uint8)
    cv2.circle(blob, (38, 33), 5, 255, -1)
    results['img'][:] = blob[..., None]
    results = build(type='RandomMisalign', prob=1., translate=0.1)(results)
    results = build(**cfg)(results)
    assert results['misalignment'].shape == (3, 3)

    def centre(plane):
        moments = cv2.moments(plane)
        return np.array((moments['m10'], moments['m01'])) / moments['m00']

    img = results['img']
    aligned, warped = centre(img[..., 0]), centre(img[..., 3])
    found = results['misalignment'] @ (*aligned, 1)
    assert np.abs(warped - aligned).max() > 1
    assert np.abs(found[:2] - warped).max() < 0.15


def test_flip_matrix():
    matrix = np.array([[1, 0, 3], [0, 1, -2], [0, 0, 1.]])
    assert np.allclose(
        flip_matrix(matrix, (10, 20), 'horizontal')[:2, 2], (-3, -2))
    assert np.allclose(
        flip_matrix(matrix, (10, 20), 'diagonal')[:2, 2], (-3, 2))


def test_crop_of_odd_shapes_and_labels():
    results = sample(20, 200)
    results.update(gt_seg_map=np.full((20, 200), 7, np.uint8),
                   seg_fields=['gt_seg_map'])
    np.random.seed(0)
    out = build(type='RandomResizedCrop', size=16, scale=(0.9, 1.0))(results)
    assert out['img'].shape == (16, 16, 7)
    assert np.array_equal(out['gt_seg_map'], np.full((16, 16), 7))
    for bad in (dict(size=0), dict(size=8,
                                   scale=(0, 1)), dict(size=8, ratio=(2, 1))):
        with pytest.raises(ValueError, match='Expected'):
            build(type='RandomResizedCrop', **bad)


@pytest.mark.parametrize('cfg, modality', [
    (dict(type='ColorJitter', prob=1.0), 'vis'),
    (dict(type='RandomBlur', prob=1.0), 'vis'),
    (dict(type='SensorNoise', prob=1.0, columns=2.), 'ir'),
])
def test_photometric_transforms_change_one_modality(cfg, modality):
    np.random.seed(0)
    torch.manual_seed(0)
    before = sample()
    transform = build(type='OnModality', modality=modality, transforms=[cfg])
    out = transform({**before, 'img': before['img'].copy()})['img']
    first, end = STACK[modality]
    changed = [
        not np.array_equal(out[..., c], before['img'][..., c])
        for c in range(7)
    ]
    assert changed == [first <= c < end for c in range(7)]
    assert out.dtype == np.uint8
    never = build(type='OnModality', modality=modality,
                  transforms=[dict(cfg, prob=0.0)])
    assert np.array_equal(never(sample())['img'], before['img'])
    assert f'{cfg["type"]}(prob=1.0' in repr(build(**cfg))


def test_noise_is_as_strong_as_said():
    np.random.seed(0)
    flat = np.full((200, 200), 128, np.uint8)
    out = build(type='SensorNoise', sigma=(5, 5), prob=1)(dict(img=flat))
    assert 4.9 < (out['img'].astype(float) - 128).std() < 5.2
    for cfg in (dict(type='SensorNoise',
                     sigma=(3, 1)), dict(type='RandomBlur', motion=4),
                dict(type='ColorJitter', prob=-1)):
        with pytest.raises(ValueError, match='Expected'):
            build(**cfg)
