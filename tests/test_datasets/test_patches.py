"""Patches in one file, and transforms that draw once a sample."""
import pickle

import numpy as np
import pytest
import torch

from mmfusion.datasets import DrawIndex, PatchFileDataset
from mmfusion.registry import DATASETS, TRANSFORMS

PIPELINE = [dict(type='LoadFusionPair'), dict(type='PackFusionInputs')]


@pytest.fixture
def folder(tmp_path):

    def write(channels, number=3, stems=None):
        rng = np.random.default_rng(0)
        patches = rng.integers(0, 256, (number, 8, 10, channels), np.uint8)
        np.save(tmp_path / 'patches.npy', patches)
        names = stems or [f'scene/{k}' for k in range(number)]
        (tmp_path / 'patches.txt').write_text(''.join(f'{name}\n'
                                                      for name in names))
        return patches

    write.path = str(tmp_path)
    return write


@pytest.mark.parametrize('channels', [2, 4])
def test_samples(folder, channels):
    patches = folder(channels)
    dataset = DATASETS.build(
        dict(type='PatchFileDataset', data_root=folder.path,
             pipeline=PIPELINE))
    assert len(dataset) == 3
    dataset = pickle.loads(pickle.dumps(dataset))  # as workers get it
    sample = dataset[DrawIndex(2, 7, 0)]
    image = sample['inputs'].numpy()
    expected = patches[2].transpose(2, 0, 1)
    assert image.shape == (4, 8, 10)
    assert (image[:3] == expected[:-1]).all()
    assert (image[3] == expected[-1]).all()
    meta = sample['data_samples'].metainfo
    assert meta['stem'] == 'scene/2' and meta['sample_idx'] == 2
    assert meta['modalities'] == dict(vis=(0, 3), ir=(3, 4))


def test_wrong_files(folder, tmp_path):
    with pytest.raises(FileNotFoundError, match='make_patches.py'):
        PatchFileDataset(data_root=folder.path, pipeline=PIPELINE)
    for channels, stems in ((2, ['one']), (3, None)):
        folder(channels, stems=stems)
        with pytest.raises(ValueError, match='Make both files anew'):
            PatchFileDataset(data_root=folder.path, pipeline=PIPELINE)


def test_fixed_augment_repeats_a_samples_draws(marked):
    transform = TRANSFORMS.build(
        dict(
            type='FixedAugment', transforms=[
                dict(type='mmseg.RandomCrop', crop_size=(16, 24)),
                dict(type='RandomFlip', prob=0.5)
            ]))

    def crop(index):
        sample = marked()
        sample.update(
            sample_idx=index,
            img=np.random.default_rng(1).integers(0, 256, (48, 64, 4),
                                                  np.uint8))
        return transform(sample)['img']

    crops = [crop(index) for index in range(6)]
    np.random.seed(3)
    torch.manual_seed(3)
    state = np.random.get_state()[1].copy()
    for index, first in enumerate(crops):
        assert np.array_equal(crop(index), first)
    assert (np.random.get_state()[1] == state).all()
    assert len({first.tobytes() for first in crops}) > 3
    assert 'RandomCrop' in repr(transform)
    with pytest.raises(ValueError, match='seed'):
        TRANSFORMS.build(dict(type='FixedAugment', transforms=[], seed=-1))
