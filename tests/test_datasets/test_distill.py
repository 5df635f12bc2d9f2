"""Pairs with a teacher's images: layouts, transforms, packing."""
import json
import warnings
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from mmengine import Config
from mmengine.dataset import pseudo_collate

from mmfusion.datasets import FusionDistillDataset
from mmfusion.datasets.distill import split_stems
from mmfusion.datasets.transforms import flip_matrix
from mmfusion.registry import DATASETS, MODELS, TRANSFORMS

FOLDER = Path(__file__).resolve().parents[2] / 'configs/_base_/datasets'
STACK = {'vis': (0, 3), 'ir': (3, 4), 'teacher': (4, 7)}


def write(folder, stems, size=(40, 56), grey=False, suffix='.png', seed=0):
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    for stem in stems:
        shape = size if grey else (*size, 3)
        cv2.imwrite(str(folder / f'{stem}{suffix}'),
                    rng.integers(0, 256, shape, np.uint8))


@pytest.fixture
def tree(tmp_path):
    """README's layout, teacher images with another suffix."""
    stems = ['a', 'b', 'c']
    for split in ('train', 'val'):
        root = tmp_path / split
        write(root / 'VIS', stems)
        write(root / 'IR', stems, grey=True)
        write(root / 'TEACHER_FUSED', stems, suffix='.bmp', seed=1)
    return tmp_path


def sample(height=64, width=80):
    """A stack whose seven channels show the same smooth image."""
    y, x = np.mgrid[:height, :width].astype(np.float32)
    grey = 127 + 60 * np.sin(x / 5) + 60 * np.sin(y / 7)
    return dict(img=np.dstack([grey.astype(np.uint8)] * 7),
                modalities=dict(STACK), seg_fields=[],
                img_shape=(height, width), ori_shape=(height, width))


def build(**cfg):
    return TRANSFORMS.build(cfg)


def test_readme_layout(tree):
    pipeline = [dict(type='LoadFusionPair'), dict(type='PackFusionInputs')]
    data = FusionDistillDataset(data_root=str(tree / 'train'),
                                pipeline=pipeline)
    assert len(data) == 3
    packed = data[1]
    assert packed['inputs'].shape == (4, 40, 56)
    target = packed['data_samples'].gt_fused.data
    file = cv2.imread(str(tree / 'train/TEACHER_FUSED/b.bmp'))[..., ::-1]
    assert target.dtype == torch.uint8
    assert np.array_equal(target.numpy(), file.transpose(2, 0, 1))
    meta = packed['data_samples'].metainfo
    assert meta['modalities'] == {'vis': (0, 3), 'ir': (3, 4)}
    assert meta['teacher_path'].endswith('b.bmp')


def test_other_teachers_are_told(tree):
    def made(split, **settings):
        (tree / split / 'TEACHER_FUSED/manifest.json').write_text(
            json.dumps(dict(settings=settings, images={})))

    def load(split='train', **options):
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter('always')
            FusionDistillDataset(data_root=str(tree / split), pipeline=[],
                                 **options)
        return ''.join(str(warning.message) for warning in told)

    assert load() == ''
    made('train', teacher='DDFM', seed=1)
    assert load() == ''
    made('val', teacher='DDFM', seed=1)
    assert load() == ''
    made('val', teacher='DDFM', seed=2, color='gray')
    assert "(seed: 1 and 2; color: None and 'gray')" in load()
    assert load('val', test_mode=True) == ''


def test_teacher_at_test_time(tree):
    pipeline = [dict(type='LoadFusionPair'), dict(type='PackFusionInputs')]
    options = dict(data_root=str(tree / 'val'), pipeline=pipeline,
                   test_mode=True)
    packed = FusionDistillDataset(**options)[0]
    assert 'gt_fused' not in packed['data_samples']
    assert packed['data_samples'].teacher_path.endswith('a.bmp')
    (tree / 'val/TEACHER_FUSED/a.bmp').unlink()
    assert 'teacher_path' not in FusionDistillDataset(**options)[0][
        'data_samples'].metainfo
    with pytest.raises(ValueError, match="none for 'a'"):
        FusionDistillDataset(**options, teacher_required=True)
    with pytest.raises(ValueError, match="no partner of 'teacher_path'"):
        FusionDistillDataset(data_root=str(tree / 'val'))


def test_sizes_must_agree(tree):
    write(tree / 'train/TEACHER_FUSED', ['c'], size=(20, 28), suffix='.bmp')
    data = FusionDistillDataset(data_root=str(tree / 'train'),
                                pipeline=[dict(type='LoadFusionPair')])
    with pytest.raises(ValueError, match='c.bmp'):
        data[2]


def test_split_file(tree):
    (tree / 'list.txt').write_text('c\na\n')
    data = FusionDistillDataset(data_root=str(tree / 'train'),
                                ann_file=str(tree / 'list.txt'))
    assert [data.get_data_info(i)['stem'] for i in range(2)] == ['c', 'a']


def test_flat_folders(tmp_path):
    stems = [f'{n:02d}' for n in range(20)]
    write(tmp_path / 'v', stems)
    write(tmp_path / 'i', [*stems, 'x'], grey=True)
    write(tmp_path / 't', stems)
    prefix = dict(vis_path='v', ir_path='i', teacher_path='t')
    parts = {}
    for part in ('train', 'val', 'test'):
        for test_mode in (False, True):
            with pytest.warns(UserWarning, match="left out 1 stem.*'x'"):
                data = FusionDistillDataset(
                    data_root=str(tmp_path), data_prefix=prefix, part=part,
                    test_mode=test_mode)
            found = [data.get_data_info(i)['stem'] for i in range(len(data))]
            assert parts.setdefault(part, found) == found
    assert [len(parts[part]) for part in parts] == [14, 3, 3]
    assert sorted(sum(parts.values(), [])) == stems
    assert parts['train'] == split_stems(reversed(stems), 'train')
    assert parts['train'] != split_stems(stems, 'train', seed=1)
    for bad in (dict(part='all'), dict(ratios=(0.8, 0.3, 0.1))):
        with pytest.raises(ValueError, match='Expected'):
            FusionDistillDataset(data_root=str(tmp_path),
                                 data_prefix=prefix, **bad)


def test_teachers_gaps_move_no_pair_into_another_part(tmp_path):
    stems = [f'{n:02d}' for n in range(20)]
    write(tmp_path / 'v', stems)
    write(tmp_path / 'i', stems, grey=True)
    gone = ['00', '07', '13']
    write(tmp_path / 't', [stem for stem in stems if stem not in gone])
    prefix = dict(vis_path='v', ir_path='i', teacher_path='t')
    for part in ('train', 'val', 'test'):
        options = dict(data_root=str(tmp_path), data_prefix=prefix, part=part)
        whole = split_stems(stems, part)
        with pytest.warns(UserWarning, match='left out 3 stem'):
            data = FusionDistillDataset(**options)
        assert [data.get_data_info(i)['stem'] for i in range(len(data))] == [
            stem for stem in whole if stem not in gone]
        data = FusionDistillDataset(**options, test_mode=True)
        infos = [data.get_data_info(i) for i in range(len(data))]
        assert [info['stem'] for info in infos] == whole
        assert [info['stem'] for info in infos
                if 'teacher_path' not in info] == [
                    stem for stem in whole if stem in gone]


def test_split_is_pythons_shuffle():
    import random
    order = [str(n) for n in range(10)]
    random.Random(42).shuffle(order)
    stems = {str(n) for n in range(10)}
    assert split_stems(stems, 'train') == order[:7]
    assert split_stems(stems, 'val') == order[7:8]
    assert split_stems(stems, 'test') == order[8:]


def test_misalignment_moves_infrared_alone():
    np.random.seed(0)
    before = sample()
    out = build(type='RandomMisalign', prob=1.0)({
        **before, 'img': before['img'].copy()})
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
    transform = build(type='RandomMisalign', prob=1.0, rotate=0,
                      scale=(1, 1))
    for side in (512, 1024):
        np.random.seed(0)
        shifts = np.array([
            transform._draw(side, 2 * side)[:2, 2] for _ in range(200)])
        limit = 20 * side / 512
        assert 0.9 * limit < np.abs(shifts).max() <= limit
    np.random.seed(0)
    half = build(type='RandomMisalign')
    warped = sum(not np.array_equal(half._draw(64, 64), np.eye(3))
                 for _ in range(400))
    assert 160 < warped < 240
    general = build(type='RandomMisalign', prob=1, shear=2.,
                    perspective=0.02)
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
                     scale=(0.6, 0.8)),
                dict(type='RandomFlip', prob=1.0)):
        results = build(**cfg)(results)
    img = results['img']
    assert img.shape == (64, 80, 7) and results['img_shape'] == (64, 80)
    for channel in (1, 2, 4, 5, 6):
        assert np.array_equal(img[..., channel], img[..., 0])
    back = cv2.warpPerspective(
        img[..., 3], np.linalg.inv(results['misalignment']), (80, 64))
    inner = np.s_[12:-12, 12:-12]
    error = np.abs(back[inner].astype(int) - img[..., 0][inner]).mean()
    moved = np.abs(img[..., 3][inner].astype(int) -
                   img[..., 0][inner]).mean()
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
    for cfg in (dict(type='Resize', scale=(40, 32)),
                dict(type='ResizeToCover', size=(96, 96))):
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
        assert np.array_equal(
            out['img'], np.rot90(before['img'], out['quarter_turns']))
        assert out['img'].flags.c_contiguous
    assert seen == {0, 1, 2, 3}


@pytest.mark.parametrize('cfg', [
    dict(type='Resize', scale=(160, 96), keep_ratio=False),
    dict(type='RandomResizedCrop', size=(96, 150), scale=(0.7, 0.9)),
    dict(type='RandomFlip', prob=1.0)])
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
    assert np.allclose(flip_matrix(matrix, (10, 20), 'horizontal')[:2, 2],
                       (-3, -2))
    assert np.allclose(flip_matrix(matrix, (10, 20), 'diagonal')[:2, 2],
                       (-3, 2))


def test_crop_of_odd_shapes_and_labels():
    results = sample(20, 200)
    results.update(gt_seg_map=np.full((20, 200), 7, np.uint8),
                   seg_fields=['gt_seg_map'])
    np.random.seed(0)
    out = build(type='RandomResizedCrop', size=16, scale=(0.9, 1.0))(results)
    assert out['img'].shape == (16, 16, 7)
    assert np.array_equal(out['gt_seg_map'], np.full((16, 16), 7))
    for bad in (dict(size=0), dict(size=8, scale=(0, 1)),
                dict(size=8, ratio=(2, 1))):
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
    transform = build(type='OnModality', modality=modality,
                      transforms=[cfg])
    out = transform({**before, 'img': before['img'].copy()})['img']
    first, end = STACK[modality]
    changed = [not np.array_equal(out[..., c], before['img'][..., c])
               for c in range(7)]
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
    for cfg in (dict(type='SensorNoise', sigma=(3, 1)),
                dict(type='RandomBlur', motion=4),
                dict(type='ColorJitter', prob=-1)):
        with pytest.raises(ValueError, match='Expected'):
            build(**cfg)


def test_cached_features(tree):
    folder = tree / 'train/features'
    folder.mkdir()
    for index, stem in enumerate('abc'):
        np.savez(folder / f'{stem}.npz',
                 feature=np.full((5, 10, 14), index, np.float16))
    data = FusionDistillDataset(
        data_root=str(tree / 'train'),
        data_prefix=dict(feature_path='features'),
        pipeline=[dict(type='LoadFusionPair'),
                  dict(type='LoadTeacherFeature'),
                  dict(type='RandomResizedCrop', size=(20, 28)),
                  dict(type='PackFusionInputs')])
    feature = data[2]['data_samples'].gt_feature.data
    assert feature.shape == (5, 5, 7) and torch.all(feature == 2)
    with pytest.raises(ValueError, match="a map 'x'"):
        build(type='LoadTeacherFeature', key='x')(
            dict(feature_path=str(folder / 'a.npz')))
    with pytest.raises(ValueError, match="'feature_path'"):
        build(type='LoadTeacherFeature')({})
    (folder / 'a.npz').unlink()
    with pytest.raises(ValueError, match="none for 'a'"):
        FusionDistillDataset(data_root=str(tree / 'train'),
                             data_prefix=dict(feature_path='features'))


def test_target_must_be_last():
    results = sample()
    results['modalities'] = {'teacher': (0, 3), 'vis': (3, 6), 'ir': (6, 7)}
    with pytest.raises(ValueError, match='as the last three'):
        build(type='PackFusionInputs')(results)


@pytest.mark.parametrize('name, root', [
    ('distill', 'MSRS/{split}'),
    ('distill_synthetic', 'data/synthetic_rgbt/{split}'),
    ('distill_mini', None),
])
def test_dataset_configs(tmp_path, monkeypatch, name, root):
    monkeypatch.setenv('MMFUSION_DATA', str(tmp_path))
    monkeypatch.chdir(tmp_path)
    stems = [f'{n:02d}' for n in range(8)]
    if root:
        second = 'test' if name == 'distill' else 'val'
        folders = 'vi ir' if name == 'distill' else 'vis ir'
        for split in ('train', second):
            base = tmp_path / root.format(split=split)
            for folder in (*folders.split(), 'TEACHER_FUSED'):
                write(base / folder, stems, (96, 128), folder == 'ir')
    else:
        for folder in ('vi', 'ir'):
            write(tmp_path / 'fusion_roadscene/test' / folder, stems,
                  (96, 128), folder == 'ir')
        write(tmp_path / 'data/teachers/roadscene', stems, (96, 128))
    cfg = Config.fromfile(str(FOLDER / f'{name}.py'))
    cfg.train_dataloader.dataset.pipeline[2].size = 48
    data = DATASETS.build(cfg.train_dataloader.dataset)
    assert len(data) == (8 if root else 5)
    batch = MODELS.build(dict(type='FusionDataPreprocessor'))(
        pseudo_collate([data[0], data[1]]), training=True)
    assert batch['inputs'].shape == (2, 4, 48, 48)
    for packed in batch['data_samples']:
        target = packed.gt_fused.data
        assert target.shape == (3, 48, 48)
        assert 0 <= target.min() and target.max() <= 1
        assert packed.misalignment.shape == (3, 3)
    for part in ('val', 'test', 'fusion'):
        data = DATASETS.build(cfg[f'{part}_dataloader'].dataset)
        packed = data[0]
        assert packed['inputs'].shape == (4, 96, 128)
        assert 'teacher_path' in packed['data_samples'].metainfo
