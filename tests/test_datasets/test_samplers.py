"""Draws that depend on (seed, draw number) alone, resumed or not."""
import pickle
import random

import numpy as np
import pytest
import torch
from mmengine.dataset import ConcatDataset, RepeatDataset, pseudo_collate
from mmengine.runner.loops import _InfiniteDataloaderIterator
from torch.utils.data import DataLoader

from mmfusion.datasets import (DeterministicEpochSampler, DeterministicSampler,
                               DrawIndex, PairedImageDataset, draw_seed)
from mmfusion.registry import DATA_SAMPLERS

PIPELINE = [
    dict(type='LoadFusionPair'),
    dict(type='RandomResize', scale=(32, 24), ratio_range=(1.0, 2.0),
         keep_ratio=True),
    dict(type='RandomCrop', crop_size=(12, 16)),
    dict(type='RandomFlip', prob=0.5),
    dict(type='OnModality', modality='vis',
         transforms=[dict(type='mmseg.PhotoMetricDistortion')]),
    dict(type='PackFusionInputs')
]


@pytest.fixture
def dataset(write_pairs):
    root = write_pairs([str(i) for i in range(7)])
    return PairedImageDataset(str(root), pipeline=PIPELINE)


def take(sampler, number):
    iterator = iter(sampler)
    return [next(iterator) for _ in range(number)]


def batches(dataset, number, workers=0, skip=0, batch_size=2, seed=3):
    """What mmengine's iteration-based loop would see."""
    loader = DataLoader(dataset, batch_size=batch_size, num_workers=workers,
                        sampler=DeterministicSampler(dataset, seed=seed),
                        collate_fn=pseudo_collate)
    iterator = _InfiniteDataloaderIterator(loader)
    iterator.skip_iter(skip)
    return [next(iterator) for _ in range(number)]


def assert_same(first, second):
    assert len(first) == len(second)
    for a, b in zip(first, second, strict=True):
        assert [s.sample_idx for s in a['data_samples']
                ] == [s.sample_idx for s in b['data_samples']]
        for x, y in zip(a['inputs'], b['inputs'], strict=True):
            torch.testing.assert_close(x, y, rtol=0, atol=0)


@pytest.mark.parametrize('workers', [0, 2])
def test_resume_equals_uninterrupted(dataset, workers):
    whole = batches(dataset, 9, workers)
    resumed = batches(dataset, 4, workers, skip=5)
    assert_same(whole[5:], resumed)


def test_workers_do_not_matter(dataset):
    assert_same(batches(dataset, 6, 0), batches(dataset, 6, 2))


def test_seed_matters_and_so_does_the_draw(dataset):
    first = batches(dataset, 1, seed=3, batch_size=28)[0]
    second = batches(dataset, 1, seed=4, batch_size=28)[0]
    assert any(not torch.equal(a, b)
               for a, b in zip(first['inputs'], second['inputs'], strict=True))
    # The same sample, drawn in four epochs, is augmented differently.
    views = {
        image.numpy().tobytes() for image, sample in zip(
            first['inputs'], first['data_samples'], strict=True)
        if sample.sample_idx == 0
    }
    assert len(views) == 4


def test_resume_loads_no_skipped_sample(dataset, monkeypatch):
    loaded = []
    original = PairedImageDataset.prepare_data

    def prepare(self, idx):
        loaded.append(idx)
        return original(self, idx)

    monkeypatch.setattr(PairedImageDataset, 'prepare_data', prepare)
    batches(dataset, 1, skip=1000)
    assert len(loaded) == 2


def test_global_generators_are_left_alone(dataset):
    random.seed(0), np.random.seed(0), torch.manual_seed(0)
    expected = random.random(), np.random.rand(), torch.rand(1).item()
    random.seed(0), np.random.seed(0), torch.manual_seed(0)
    dataset[DrawIndex(1, 5, 0)]
    assert (random.random(), np.random.rand(),
            torch.rand(1).item()) == expected


def test_generators_are_restored_after_an_error():
    random.seed(0), np.random.seed(0), torch.manual_seed(0)
    expected = random.random(), np.random.rand(), torch.rand(1).item()
    random.seed(0), np.random.seed(0), torch.manual_seed(0)
    with pytest.raises(KeyError), draw_seed(1, 2):
        raise KeyError
    assert (random.random(), np.random.rand(),
            torch.rand(1).item()) == expected


def test_all_three_generators_are_seeded():

    def draw(seed, number):
        with draw_seed(seed, number):
            return random.random(), np.random.rand(), torch.rand(1).item()

    assert draw(1, 2) == draw(1, 2)
    for other in (draw(1, 3), draw(2, 2)):
        assert all(a != b for a, b in zip(draw(1, 2), other, strict=True))


# ----------------------------------------------------------------- sampling
@pytest.mark.parametrize('shuffle', [True, False])
def test_every_epoch_is_a_permutation(shuffle):
    sampler = DeterministicSampler(range(7), shuffle=shuffle, seed=1)
    draws = take(sampler, 21)
    orders = [draws[i:i + 7] for i in (0, 7, 14)]
    assert all(sorted(order) == list(range(7)) for order in orders)
    assert (orders[0] != orders[1]) == shuffle
    assert [d.draw for d in draws] == list(range(21))


@pytest.mark.parametrize('skipped', [0, 1, 6, 7, 8, 100])
def test_skip(skipped):
    whole = take(DeterministicSampler(range(7), seed=1), skipped + 9)
    sampler = DeterministicSampler(range(7), seed=1)
    sampler.skip(skipped)
    resumed = take(sampler, 9)
    assert resumed == whole[skipped:]
    assert [d.draw for d in resumed] == [d.draw for d in whole[skipped:]]


def test_ranks_share_the_stream(monkeypatch):
    import mmfusion.datasets.samplers as module
    whole = take(DeterministicSampler(range(7), seed=1), 12)
    for rank in range(3):
        monkeypatch.setattr(module, 'get_dist_info', lambda r=rank: (r, 3))
        sampler = DeterministicSampler(range(7), seed=1)
        own = take(sampler, 4)
        assert own == whole[rank::3]
        assert [d.draw for d in own] == [rank, rank + 3, rank + 6, rank + 9]
        sampler.skip(2)
        assert take(sampler, 2) == own[2:]


@pytest.mark.parametrize('world', [1, 2, 3])
def test_epoch_sampler(monkeypatch, world):
    import mmfusion.datasets.samplers as module
    seen = {0: [], 1: []}
    draws = []
    for rank in range(world):
        monkeypatch.setattr(module, 'get_dist_info', lambda r=rank: (r, world))
        sampler = DeterministicEpochSampler(range(7), seed=1)
        for epoch in seen:
            sampler.set_epoch(epoch)
            own = list(sampler)
            assert own == list(sampler)
            assert len(own) == len(sampler) == -(-7 // world)
            seen[epoch].extend(own)
            draws.extend(d.draw for d in own)
    assert set(seen[0]) == set(seen[1]) == set(range(7))
    assert seen[0] != seen[1]
    assert len(set(draws)) == len(draws)


def test_epoch_loader_resumes_at_an_epoch(dataset):

    def epochs(numbers, workers):
        sampler = DeterministicEpochSampler(dataset, seed=2)
        loader = DataLoader(dataset, batch_size=3, num_workers=workers,
                            sampler=sampler, collate_fn=pseudo_collate)
        out = []
        for number in numbers:
            sampler.set_epoch(number)
            out.extend(loader)
        return out

    assert_same(epochs([0, 1, 2], 0)[6:], epochs([2], 2))


def test_draw_index_survives_pickling_and_dataset_wrappers(dataset):
    index = DrawIndex(3, 11, 2)
    copied = pickle.loads(pickle.dumps(index))
    assert (copied, copied.draw, copied.seed) == (3, 11, 2)
    expected = dataset[index]['inputs']
    repeated = RepeatDataset(dataset, 2)[DrawIndex(10, 11, 2)]
    both = ConcatDataset([dataset, dataset])[DrawIndex(10, 11, 2)]
    assert torch.equal(repeated['inputs'], expected)
    assert torch.equal(both['inputs'], expected)


@pytest.mark.parametrize('kind',
                         ['DeterministicSampler', 'DeterministicEpochSampler'])
def test_bad_arguments(kind):
    with pytest.raises(ValueError, match='empty'):
        DATA_SAMPLERS.build(dict(type=kind, dataset=[], seed=0))
    with pytest.raises(ValueError, match='seed'):
        DATA_SAMPLERS.build(dict(type=kind, dataset=[1], seed=-1))


def test_negative_skip():
    with pytest.raises(ValueError, match='num_samples'):
        DeterministicSampler([1], seed=0).skip(-1)
