"""Every dataset config loads data laid out as its first lines say."""
import os
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from mmengine import Config
from mmengine.dataset import pseudo_collate

from mmfusion.registry import DATA_SAMPLERS, DATASETS, METRICS, MODELS

FOLDER = Path(__file__).resolve().parents[2] / 'configs/_base_/datasets'
# paired_seg is no set but what the labelled sets inherit; those with boxes
# have tests of their own, test_detection_configs.py
NAMES = sorted(
    path.stem for path in FOLDER.glob('*.py')
    if path.stem != 'paired_seg' and 'det' not in path.stem.split('_'))
LAYOUTS = dict(
    msrs=('MSRS', ('train', 'test'), 'vi ir label'),
    mfnet=('MFNet', ('', ), 'vis ir labels'),
    fmb=('FMB', ('train', 'test'), 'Visible Infrared Label'),
    seg_msrs9_mini=('seg_msrs9', ('train', 'val'), 'vi ir label'),
    synthetic=('data/synthetic_rgbt', ('train', 'val'), 'vis ir label'),
    fusion_folders=('', ('', ), 'vis ir'),
    demo=('work_dirs/demo/data', ('train', 'val'), 'vis ir label'),
)


@pytest.fixture
def laid_out(tmp_path, monkeypatch):
    """Two 480x640 pairs a split, where the config expects them."""

    def make(name):
        monkeypatch.setenv('MMFUSION_DATA', str(tmp_path))
        monkeypatch.chdir(tmp_path)
        root, splits, folders = LAYOUTS[name]
        for split in splits:
            for number, folder in enumerate(folders.split()):
                path = tmp_path / root / split / folder
                path.mkdir(parents=True)
                image = np.zeros((480, 640, 3) if number == 0 else
                                 (480, 640), np.uint8)
                image[100:300, 100:500] = 1
                for stem in ('00001D', '00002N'):
                    cv2.imwrite(str(path / f'{stem}.png'), image)
        if name == 'mfnet':
            for split in ('train', 'val', 'test'):
                (tmp_path / root / f'{split}.txt').write_text(
                    '00001D\n00001D_flip\n00002N\n')
        return Config.fromfile(str(FOLDER / f'{name}.py'))

    return make


def batch(cfg):
    dataset = DATASETS.build(cfg.dataset)
    DATA_SAMPLERS.build(dict(cfg.sampler, dataset=dataset, seed=0))
    return dataset, pseudo_collate([dataset[0], dataset[1]])


def test_all_layouts_are_known():
    assert NAMES == sorted(LAYOUTS)


@pytest.mark.parametrize('name', NAMES)
def test_loaders(laid_out, name):
    cfg = laid_out(name)
    prepare = MODELS.build(dict(type='FusionDataPreprocessor'))
    dataset, data = batch(cfg.train_dataloader)
    assert len(dataset) == 2
    out = prepare(data, training=True)
    assert out['inputs'].shape == (2, 4, *cfg.crop_size)
    assert 0 <= out['inputs'].min() and out['inputs'].max() <= 1
    labelled = 'label' in LAYOUTS[name][2].lower()
    for sample in out['data_samples']:
        assert ('gt_sem_seg' in sample) == labelled
    for kind in ('val', 'test'):
        if f'{kind}_dataloader' not in cfg:
            continue
        dataset, data = batch(cfg[f'{kind}_dataloader'])
        assert dataset.test_mode
        sample = data['data_samples'][0]
        assert sample.gt_sem_seg.shape == sample.ori_shape == (480, 640)
        metric = METRICS.build(cfg[f'{kind}_evaluator'])
        metric.dataset_meta = dataset.metainfo
    dataset, data = batch(cfg.fusion_dataloader)
    assert data['inputs'][0].shape == (4, 480, 640)
    assert 'gt_sem_seg' not in data['data_samples'][0]


@pytest.mark.parametrize('name', ['msrs', 'seg_msrs9_mini', 'synthetic'])
def test_maps_are_derived(laid_out, name):
    _, data = batch(laid_out(name).train_dataloader)
    for sample in data['data_samples']:
        for field in ('gt_binary', 'gt_boundary', 'gt_mask'):
            assert getattr(sample, field).shape == sample.img_shape


@pytest.mark.parametrize(
    'name', [name for name in NAMES if name != 'fusion_folders'])
def test_tta_pipeline(laid_out, name):
    cfg = laid_out(name)
    cfg.val_dataloader.dataset.pipeline = cfg.tta_pipeline
    sample = DATASETS.build(cfg.val_dataloader.dataset)[0]
    assert len(sample['inputs']) == 2 * len(cfg.tta_ratios)
    widths = [image.shape[-1] for image in sample['inputs'][::2]]
    assert widths == [int(640 * ratio + 0.5) for ratio in cfg.tta_ratios]
    flips = [data.flip for data in sample['data_samples']]
    assert flips == [False, True] * len(cfg.tta_ratios)
    plain, flipped = sample['inputs'][:2]
    assert torch.equal(plain.flip(-1), flipped)


@pytest.mark.parametrize('name', NAMES)
def test_inherited_dumped_and_read_again(name, tmp_path, monkeypatch):
    monkeypatch.setenv('MMFUSION_DATA', '/some/where')
    child = tmp_path / 'child.py'
    child.write_text(f'_base_ = {str(FOLDER / f"{name}.py")!r}\n'
                     'train_dataloader = dict(batch_size=3)\n')
    cfg = Config.fromfile(str(child))
    assert cfg.train_dataloader.batch_size == 3
    fixed = name in ('synthetic', 'demo')
    assert cfg.data_root.startswith('/some/where') or fixed
    cfg.dump(str(tmp_path / 'dumped.py'))
    again = Config.fromfile(str(tmp_path / 'dumped.py'))
    assert again.to_dict() == cfg.to_dict()
    assert os.environ.get('HOME', 'HOME') not in cfg.pretty_text


def test_default_root(monkeypatch):
    for value in (None, ''):
        if value is None:
            monkeypatch.delenv('MMFUSION_DATA', raising=False)
        else:
            monkeypatch.setenv('MMFUSION_DATA', value)
        cfg = Config.fromfile(str(FOLDER / 'msrs.py'))
        assert cfg.data_root == 'data/MSRS'


def test_real_mini_set(real_data, monkeypatch):
    if not (real_data / 'seg_msrs9').is_dir():
        pytest.skip('no seg_msrs9')
    monkeypatch.setenv('MMFUSION_DATA', str(real_data))
    cfg = Config.fromfile(str(FOLDER / 'seg_msrs9_mini.py'))
    assert len(DATASETS.build(cfg.train_dataloader.dataset)) == 150
    dataset, data = batch(cfg.val_dataloader)
    assert len(dataset) == 65
    assert data['inputs'][0].shape == (4, 240, 320)
