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
from mmfusion.utils.config_file import load_config

FOLDER = Path(__file__).resolve().parents[2] / 'configs/_base_/datasets'
# what the labelled and the unlabelled sets inherit is no set; pairs with
# text in one file, sets for distillation and those with boxes have tests of
# their own
NAMES = sorted(path.stem for path in FOLDER.glob('*.py')
               if not path.stem.startswith(('paired_', 'vlf', 'distill'))
               and 'det' not in path.stem.split('_'))
PATCH = (16, 16)
#: folder, splits, and what a split holds: folders, or patterns of files
LAYOUTS = dict(
    msrs=('MSRS', ('train', 'test'), 'vi ir label'),
    mfnet=('MFNet', ('', ), 'vis ir labels'),
    fmb=('FMB', ('train', 'test'), 'Visible Infrared Label'),
    seg_msrs9=('seg_msrs9', ('train', 'val'), 'vi ir label'),
    synthetic=('data/synthetic_rgbt', ('train', 'val'), 'vis ir label'),
    synthetic_pairs=('data/synthetic_rgbt', ('train', 'val'), 'vis ir'),
    fusion_folders=('', ('', ), 'vis ir'),
    demo=('work_dirs/demo/data', ('train', 'val'), 'vis ir label'),
    m3fd=('M3FD_Fusion', ('', ), 'Vis Ir'),
    roadscene=('RoadScene', ('', ), 'crop_LR_visible cropinfrared'),
    tno=('TNO', ('', ), 'vis ir'),
    llvip=('LLVIP', ('', ), 'visible/train infrared/train visible/test '
           'infrared/test'),
    harvard=('Harvard', ('MRI_PET', ), 'MRI PET'),
    sice=('SICE', ('', ), 'under over'),
    mefb=('MEFB', ('', ), 'under over'),
    real_mff=('RealMFF', ('', ), 'imageA/{}_A imageB/{}_B'),
    lytro=('LytroDataset', ('', ), '{}-A {}-B'),
    patches=('LLVIP', ('', ), 'visible/test infrared/test'),
)
#: the same of their small scales
SCALED = {
    'roadscene@mini': ('fusion_roadscene', ('test', ), 'vi ir'),
    'tno@mini': ('fusion_tno', ('test', ), 'vi ir'),
    'harvard@mini':
    ('fusion_medical', ('', ), 'mri_ct/mri mri_ct/ct mri_pet/mri mri_pet/pet '
     'mri_spect/mri mri_spect/spect'),
    'sice@mini': ('fusion_mef', ('test', ), 'under over'),
    'mefb@mini': ('fusion_mef', ('test', ), 'under over'),
    'real_mff@mini': ('fusion_mff', ('test', ), 'a b'),
    'lytro@mini': ('fusion_mff', ('test', ), 'a b'),
    'patches@mini': ('fusion_roadscene_ref10', ('', ), 'vi ir'),
    'patches@synthetic': ('data/synthetic_rgbt/val', ('', ), 'vis ir'),
}
#: small scales that are a set with a file of its own
OTHER_SETS = {
    f'{name}@{scale}' for name in ('msrs', 'mfnet')
    for scale in ('mini', 'synthetic')
}


def read(name, folder):
    """The config of a set, or of a form that is scaled."""
    stem, _, scale = name.partition('@')
    if not scale:
        return Config.fromfile(str(FOLDER / f'{stem}.py'))
    form = folder / 'form.py'
    form.write_text(f'_base_ = {str(FOLDER / f"{stem}.py")!r}\n'
                    f'scales = dict({scale}=dict())\n')
    return load_config(form, scale=scale)


@pytest.fixture
def laid_out(tmp_path, monkeypatch):
    """Two 480x640 pairs a split, where the config expects them."""

    def make(name):
        monkeypatch.setenv('MMFUSION_DATA', str(tmp_path))
        monkeypatch.chdir(tmp_path)
        root, splits, folders = {**LAYOUTS, **SCALED}[name]
        for split in splits:
            for number, folder in enumerate(folders.split()):
                name_rule = folder if '{}' in folder else folder + '/{}'
                image = np.zeros((480, 640, 3) if number == 0 else (480, 640),
                                 np.uint8)
                image[100:300, 100:500] = 1
                for stem in ('00001D', '00002N'):
                    path = tmp_path / root / split / (name_rule.format(stem) +
                                                      '.png')
                    path.parent.mkdir(parents=True, exist_ok=True)
                    assert cv2.imwrite(str(path), image)
        if name == 'mfnet':
            for split in ('train', 'val', 'test'):
                (tmp_path / root /
                 f'{split}.txt').write_text('00001D\n00001D_flip\n00002N\n')
        cfg = read(name, tmp_path)
        if 'patch_root' in cfg:
            root = tmp_path / cfg.train_dataloader.dataset.data_root
            root.mkdir(parents=True)
            np.save(root / 'patches.npy', np.zeros((2, *PATCH, 2), np.uint8))
            (root / 'patches.txt').write_text('a_000_000\na_000_001\n')
        return cfg

    return make


def batch(cfg):
    dataset = DATASETS.build(cfg.dataset)
    DATA_SAMPLERS.build(dict(cfg.sampler, dataset=dataset, seed=0))
    return dataset, pseudo_collate([dataset[0], dataset[1]])


def test_all_layouts_are_known():
    assert sorted(LAYOUTS) == NAMES
    scaled = {
        f'{name}@{scale}' for name in NAMES
        for scale in read(name, None).get('dataset_scales', {})
    }
    assert scaled == {*SCALED, *OTHER_SETS}


@pytest.mark.parametrize('name', [*NAMES, *SCALED])
def test_loaders(laid_out, name):
    cfg = laid_out(name)
    dataset, data = batch(cfg.train_dataloader)
    assert len(dataset) == (6 if name == 'harvard@mini' else 2)
    modalities = batch(cfg.fusion_dataloader)[0].metainfo['modalities']
    channels = sum(modalities.values())
    prepare = MODELS.build(
        dict(type='FusionDataPreprocessor', modalities=modalities))
    out = prepare(data, training=True)
    size = np.broadcast_to(cfg.get('crop_size', PATCH), 2).tolist()
    if name in SCALED:
        size = cfg.get('mini_crop_size', PATCH)
    assert out['inputs'].shape == (2, channels, *size)
    assert out['inputs'].min() >= 0 and out['inputs'].max() <= 1
    labelled = name in LAYOUTS and 'label' in LAYOUTS[name][2].lower()
    for sample in out['data_samples']:
        assert ('gt_sem_seg' in sample) == labelled
    for kind in ('val', 'test'):
        if f'{kind}_dataloader' not in cfg:
            continue
        dataset, data = batch(cfg[f'{kind}_dataloader'])
        assert dataset.test_mode
        sample = data['data_samples'][0]
        assert sample.ori_shape == (480, 640)
        if labelled:
            assert sample.gt_sem_seg.shape == sample.ori_shape
        metric = METRICS.build(cfg[f'{kind}_evaluator'])
        metric.dataset_meta = dataset.metainfo
    dataset, data = batch(cfg.fusion_dataloader)
    assert data['inputs'][0].shape == (channels, 480, 640)
    assert 'gt_sem_seg' not in data['data_samples'][0]


@pytest.mark.parametrize('name', ['msrs', 'seg_msrs9', 'synthetic'])
def test_maps_are_derived(laid_out, name):
    _, data = batch(laid_out(name).train_dataloader)
    for sample in data['data_samples']:
        for field in ('gt_binary', 'gt_boundary', 'gt_mask'):
            assert getattr(sample, field).shape == sample.img_shape


@pytest.mark.parametrize(
    'name', [name for name in NAMES if 'label' in LAYOUTS[name][2].lower()])
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
    fixed = name in ('synthetic', 'synthetic_pairs', 'demo')
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
        cfg = load_config(FOLDER / 'msrs.py')
        assert cfg.data_root == 'data/MSRS'


def test_real_mini_set(real_data, monkeypatch):
    if not (real_data / 'seg_msrs9').is_dir():
        pytest.skip('no seg_msrs9')
    monkeypatch.setenv('MMFUSION_DATA', str(real_data))
    cfg = Config.fromfile(str(FOLDER / 'seg_msrs9.py'))
    assert len(DATASETS.build(cfg.train_dataloader.dataset)) == 150
    dataset, data = batch(cfg.val_dataloader)
    assert len(dataset) == 65
    assert data['inputs'][0].shape == (4, 240, 320)


@pytest.mark.parametrize('name, number', [('roadscene@mini', 50),
                                          ('tno@mini', 25),
                                          ('harvard@mini', 21),
                                          ('sice@mini', 10),
                                          ('real_mff@mini', 10)])
def test_real_unlabelled_mini_sets(real_data, tmp_path, monkeypatch, name,
                                   number):
    if not (real_data / SCALED[name][0]).is_dir():
        pytest.skip(f'no {SCALED[name][0]}')
    monkeypatch.setenv('MMFUSION_DATA', str(real_data))
    cfg = read(name, tmp_path)
    dataset, data = batch(cfg.train_dataloader)
    assert len(dataset) == number
    assert data['inputs'][0].shape[1:] == (128, 128)
