"""The named sets of all tasks, on fabricated trees of their layouts."""
import cv2
import numpy as np
import pytest

from mmfusion.datasets import PairedImageDataset
from mmfusion.registry import DATASETS
from mmfusion.tasks import TASKS

PIPELINE = [dict(type='LoadFusionPair'), dict(type='PackFusionInputs')]
#: type -> arguments, files of the stem 'a 1', task
LAYOUTS = {
    'M3FDFusionDataset': ({}, ('Vis/a 1.png', 'Ir/a 1.png'), 'ivf'),
    'RoadSceneDataset':
    ({}, ('crop_LR_visible/a 1.jpg', 'cropinfrared/a 1.jpg'), 'ivf'),
    'TNODataset': ({}, ('vis/a 1.bmp', 'ir/a 1.bmp'), 'ivf'),
    'LLVIPFusionDataset':
    (dict(split='test'), ('visible/test/a 1.jpg', 'infrared/test/a 1.jpg'),
     'ivf'),
    'HarvardMedicalDataset': ({}, ('MRI/a 1.png', 'PET/a 1.png'), 'mri_pet'),
    'SICEDataset': ({}, ('under/a 1.JPG', 'over/a 1.JPG'), 'mef'),
    'MEFBDataset': ({}, ('under/a 1.png', 'over/a 1.jpg'), 'mef'),
    'RealMFFDataset': ({}, ('imageA/a 1_A.png', 'imageB/a 1_B.png'), 'mff'),
    'LytroDataset': ({}, ('a 1-A.jpg', 'a 1-B.jpg'), 'mff'),
}


def write(path, value, channels=3, size=(12, 16)):
    path.parent.mkdir(parents=True, exist_ok=True)
    shape = (*size, channels) if channels > 1 else size
    assert cv2.imwrite(str(path), np.full(shape, value, np.uint8))


def load(kind, root, **kwargs):
    return DATASETS.build(
        dict(type=kind, data_root=str(root), pipeline=PIPELINE, **kwargs))


def check(dataset, task):
    """One pair, the first image dark and the second bright."""
    modalities = dict(TASKS[task].modalities)
    assert dataset.metainfo['task'] == task
    assert dataset.metainfo['modalities'] == modalities
    assert len(dataset) == 1
    assert dataset.get_data_info(0)['stem'] == 'a 1'
    item = dataset[0]
    assert item['inputs'].shape == (sum(modalities.values()), 12, 16)
    for (name, (first,
                end)), value in zip(item['data_samples'].modalities.items(),
                                    (40, 200), strict=True):
        assert name in modalities
        assert (item['inputs'][first:end].float() - value).abs().max() <= 2
        assert f'{name}_path' in item['data_samples'].metainfo


@pytest.mark.parametrize('kind', LAYOUTS)
def test_layout(tmp_path, kind):
    kwargs, files, task = LAYOUTS[kind]
    for file, value in zip(files, (40, 200), strict=True):
        write(tmp_path / file, value)
    check(load(kind, tmp_path, **kwargs), task)
    assert DATASETS.get(kind).METAINFO['modalities'] == dict(
        TASKS[task].modalities)


@pytest.mark.parametrize('task', ['mri_ct', 'mri_spect'])
def test_other_medical_pairs(tmp_path, task):
    write(tmp_path / 'MRI/a 1.png', 40, 1)
    write(tmp_path / f'{task[4:].upper()}/a 1.png', 200)
    check(load('HarvardMedicalDataset', tmp_path, task=task), task)


def test_llvip_splits(tmp_path):
    write(tmp_path / 'visible/train/b.jpg', 1)
    write(tmp_path / 'infrared/train/b.jpg', 1)
    dataset = load('LLVIPFusionDataset', tmp_path)
    assert dataset.get_data_info(0)['stem'] == 'b'
    with pytest.raises(FileNotFoundError, match='test'):
        load('LLVIPFusionDataset', tmp_path, split='test')
    with pytest.raises(ValueError, match="'train' or 'test', got 'val'"):
        load('LLVIPFusionDataset', tmp_path, split='val')


def test_any_two_folders_of_a_task(tmp_path):
    """Without a class: folders named as the modalities by default."""
    write(tmp_path / 'near/a 1.png', 40)
    write(tmp_path / 'far/a 1.png', 200)
    check(load('PairedImageDataset', tmp_path, task='mff'), 'mff')
    moved = tmp_path / 'elsewhere'
    (tmp_path / 'far').rename(moved)
    check(
        load('PairedImageDataset', tmp_path, task='mff',
             data_prefix=dict(far_path='elsewhere')), 'mff')


def test_rules_of_any_modality(tmp_path):
    write(tmp_path / 'all/a 1_n.png', 40)
    write(tmp_path / 'all/a 1_f.jpg', 200)
    check(
        load('PairedImageDataset', tmp_path, task='mff',
             data_prefix=dict(near_path='all', far_path='all'),
             near_stem='{stem}_n', far_suffix='_f.jpg'), 'mff')


def test_pair_of_no_known_task(tmp_path):
    write(tmp_path / 'day/a.png', 40)
    write(tmp_path / 'depth/a.png', 200, 1)
    dataset = load('PairedImageDataset', tmp_path,
                   metainfo=dict(modalities=dict(day=3, depth=1)))
    assert dataset.metainfo['task'] == 'custom'
    assert dataset[0]['inputs'].shape == (4, 12, 16)


def test_a_rule_of_another_task(tmp_path):
    with pytest.raises(ValueError, match=r"'near', 'far'.*got \['ir_stem'\]"):
        PairedImageDataset(str(tmp_path), task='mff', ir_stem='{stem}_ir')
    with pytest.raises(ValueError, match='Expected a task of ivf'):
        PairedImageDataset(str(tmp_path), task='rgbd')
