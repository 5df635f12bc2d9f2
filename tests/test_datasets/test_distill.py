"""Pairs with a teacher's images: layouts, splits, packing."""
import json
import warnings
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from mmengine.dataset import pseudo_collate

from mmfusion.datasets import FusionDistillDataset
from mmfusion.datasets.distill import split_stems
from mmfusion.registry import DATASETS, MODELS
from mmfusion.utils.config_file import load_config
from tests.support.distill_cases import build, sample

FOLDER = Path(__file__).resolve().parents[2] / 'configs/_base_/datasets'


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
    assert "(seed: 1 -> 2; color: None -> 'gray')" in load()
    assert load('val', test_mode=True) == ''


def test_teacher_at_test_time(tree):
    pipeline = [dict(type='LoadFusionPair'), dict(type='PackFusionInputs')]
    options = dict(data_root=str(tree / 'val'), pipeline=pipeline,
                   test_mode=True)
    packed = FusionDistillDataset(**options)[0]
    assert 'gt_fused' not in packed['data_samples']
    assert packed['data_samples'].teacher_path.endswith('a.bmp')
    (tree / 'val/TEACHER_FUSED/a.bmp').unlink()
    assert 'teacher_path' not in FusionDistillDataset(
        **options)[0]['data_samples'].metainfo
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
                data = FusionDistillDataset(data_root=str(tmp_path),
                                            data_prefix=prefix, part=part,
                                            test_mode=test_mode)
            found = [data.get_data_info(i)['stem'] for i in range(len(data))]
            assert parts.setdefault(part, found) == found
    assert [len(parts[part]) for part in parts] == [14, 3, 3]
    assert sorted(sum(parts.values(), [])) == stems
    assert parts['train'] == split_stems(reversed(stems), 'train')
    assert parts['train'] != split_stems(stems, 'train', seed=1)
    for bad in (dict(part='all'), dict(ratios=(0.8, 0.3, 0.1))):
        with pytest.raises(ValueError, match='Expected'):
            FusionDistillDataset(data_root=str(tmp_path), data_prefix=prefix,
                                 **bad)


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
        assert [data.get_data_info(i)['stem'] for i in range(len(data))
                ] == [stem for stem in whole if stem not in gone]
        data = FusionDistillDataset(**options, test_mode=True)
        infos = [data.get_data_info(i) for i in range(len(data))]
        assert [info['stem'] for info in infos] == whole
        assert [info['stem'] for info in infos if 'teacher_path' not in info
                ] == [stem for stem in whole if stem in gone]


def test_split_is_pythons_shuffle():
    import random
    order = [str(n) for n in range(10)]
    random.Random(42).shuffle(order)
    stems = {str(n) for n in range(10)}
    assert split_stems(stems, 'train') == order[:7]
    assert split_stems(stems, 'val') == order[7:8]
    assert split_stems(stems, 'test') == order[8:]


def test_cached_features(tree):
    folder = tree / 'train/features'
    folder.mkdir()
    for index, stem in enumerate('abc'):
        np.savez(folder / f'{stem}.npz', feature=np.full((5, 10, 14), index,
                                                         np.float16))
    data = FusionDistillDataset(
        data_root=str(tree / 'train'),
        data_prefix=dict(feature_path='features'), pipeline=[
            dict(type='LoadFusionPair'),
            dict(type='LoadTeacherFeature'),
            dict(type='RandomResizedCrop', size=(20, 28)),
            dict(type='PackFusionInputs')
        ])
    feature = data[2]['data_samples'].gt_feature.data
    assert feature.shape == (5, 5, 7) and torch.all(feature == 2)
    with pytest.raises(ValueError, match="a map 'x'"):
        build(type='LoadTeacherFeature',
              key='x')(dict(feature_path=str(folder / 'a.npz')))
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
    ('distill@synthetic', 'data/synthetic_rgbt/{split}'),
    ('distill@mini', None),
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
    form = tmp_path / 'form.py'
    form.write_text(f'_base_ = {str(FOLDER / "distill.py")!r}\n'
                    'scales = dict(mini=dict(), synthetic=dict())\n')
    cfg = load_config(form, scale=name.partition('@')[2] or None)
    cfg.train_dataloader.dataset.pipeline[2].size = 48
    data = DATASETS.build(cfg.train_dataloader.dataset)
    assert len(data) == (8 if root else 5)
    batch = MODELS.build(dict(type='FusionDataPreprocessor'))(pseudo_collate(
        [data[0], data[1]]), training=True)
    assert batch['inputs'].shape == (2, 4, 48, 48)
    for packed in batch['data_samples']:
        target = packed.gt_fused.data
        assert target.shape == (3, 48, 48)
        assert target.min() >= 0 and target.max() <= 1
        assert packed.misalignment.shape == (3, 3)
    for part in ('val', 'test', 'fusion'):
        data = DATASETS.build(cfg[f'{part}_dataloader'].dataset)
        packed = data[0]
        assert packed['inputs'].shape == (4, 96, 128)
        assert 'teacher_path' in packed['data_samples'].metainfo
