"""Stored features: every kind of file, and what can be wrong with one."""
import pickle

import numpy as np
import pytest
import torch

from mmfusion.models.text_encoders import PrecomputedText, pad_text
from mmfusion.models.text_encoders.cache import RecentCache
from mmfusion.registry import TEXT_ENCODERS
from tests.support.h5_cases import feature, write_h5

STEMS = ('a', 'night/b', 'c.1')
FEATURES = {
    stem: feature(index, 3 + index) for index, stem in enumerate(STEMS)
}


def as_folder(root, suffix='.npy'):
    for stem, value in FEATURES.items():
        path = root / f'{stem}{suffix}'
        path.parent.mkdir(parents=True, exist_ok=True)
        if suffix == '.npy':
            np.save(path, value[None])
        else:
            np.savez(path, feat=value)
    return root


def as_npz(root):
    np.savez(root / 'all.npz', **FEATURES)
    return root / 'all.npz'


def as_h5(root):
    return write_h5(
        root / 'all.h5',
        dict(text={
            stem: value[None, None] for stem, value in FEATURES.items()
        }))


def as_two_groups(root):
    return write_h5(
        root / 'two.hdf5',
        dict(textA={
            stem: value[:1] for stem, value in FEATURES.items()
        }, textB={
            stem: value[1:] for stem, value in FEATURES.items()
        }))


@pytest.mark.parametrize('write', [
    as_folder, lambda root: as_folder(root, '.npz'), as_npz, as_h5,
    as_two_groups
])
def test_kinds_of_files(tmp_path, write):
    store = TEXT_ENCODERS.build(
        dict(type='PrecomputedText', path=write(tmp_path)))
    assert len(store) == 3 and 'night/b' in store and 'b' not in store
    for copy in (store, pickle.loads(pickle.dumps(store))):
        for stem, value in FEATURES.items():
            got = copy.load(stem)
            assert got.dtype == np.float32
            np.testing.assert_array_equal(got, value)
    result = store.encode(['c.1', 'a'])
    assert result.mask.sum(1).tolist() == [5, 3]
    np.testing.assert_array_equal(result.feat[1, :3], FEATURES['a'])
    with pytest.raises(ValueError, match="'d'.*3 others such as 'a'"):
        store.load('d')


def test_one_feature_for_all(tmp_path):
    np.save(tmp_path / 'any.npy', FEATURES['a'].astype(np.float64))
    store = PrecomputedText(tmp_path / 'any.npy')
    np.testing.assert_allclose(store.load('whatever'), FEATURES['a'])
    assert 'x' in store


def test_files_are_read_once(tmp_path, monkeypatch):
    store = PrecomputedText(as_folder(tmp_path), cache_size=2)
    seen = []
    read = store._read
    monkeypatch.setattr(store, '_read',
                        lambda stem: seen.append(stem) or read(stem))
    for stem in ('a', 'night/b', 'a', 'c.1', 'a', 'night/b'):
        store.load(stem)
    assert seen == ['a', 'night/b', 'c.1', 'night/b']


def test_recent_cache():
    cache = RecentCache(2)
    for key in 'ab':
        cache.put(key, key.upper())
    assert cache.get('a') == 'A'
    cache.put('c', 'C')
    assert cache.get('b') is None and cache.get('a') == 'A'


@pytest.mark.parametrize('array, words', [
    (np.full((2, 3), np.nan, np.float32), '6 of 6'),
    (np.float32([[1, np.inf]]), '1 of 2'),
    (np.zeros((2, 3), int), 'floating point'),
    (np.zeros((2, 2, 3)), r'\(2, 2, 3\)'),
    (np.zeros(3), r'\(3,\)'),
    (np.zeros((0, 3)), r'\(0, 3\)'),
])
def test_bad_features_name_the_file(tmp_path, array, words):
    np.save(tmp_path / 'a.npy', array)
    with pytest.raises(ValueError, match=rf'a\.npy: .*{words}'):
        PrecomputedText(tmp_path).load('a')
    path = write_h5(tmp_path / 'x.h5', dict(text=dict(a=array)))
    with pytest.raises(ValueError, match=rf'x\.h5:text/a: .*{words}'):
        PrecomputedText(path).load('a')


def test_damaged_files(tmp_path):
    (tmp_path / 'a.npy').write_bytes(b'\x93NUMPY\x01')
    with pytest.raises(ValueError, match='a.npy'):
        PrecomputedText(tmp_path).load('a')
    (tmp_path / 'b.npz').write_bytes(b'PK\x03\x04nothing')
    with pytest.raises(ValueError, match='b.npz'):
        PrecomputedText(tmp_path / 'b.npz')
    np.savez(tmp_path / 'b.npz', one=FEATURES['a'], two=FEATURES['a'])
    with pytest.raises(ValueError, match="one array, got .'one', 'two'"):
        PrecomputedText(tmp_path).load('b')
    np.save(tmp_path / 'c.npy', np.array([dict(evil=1)]), allow_pickle=True)
    with pytest.raises(ValueError, match='c.npy'):
        PrecomputedText(tmp_path).load('c')


def test_damaged_h5(tmp_path):
    (tmp_path / 'a.h5').write_bytes(b'not HDF5')
    with pytest.raises(ValueError, match='HDF5.*a.h5'):
        PrecomputedText(tmp_path / 'a.h5')
    path = write_h5(tmp_path / 'b.h5', dict(image=dict(a=np.zeros((1, 2)))))
    with pytest.raises(ValueError, match="b.h5: expected the group 'text'"):
        PrecomputedText(path)
    path = write_h5(
        tmp_path / 'c.h5',
        dict(textA=dict(a=FEATURES['a']), textB=dict(a=FEATURES['a'],
                                                     b=FEATURES['a'])))
    with pytest.raises(ValueError, match="c.h5.*'textA' lacks 'b'"):
        PrecomputedText(path)
    path = write_h5(
        tmp_path / 'd.h5',
        dict(textA=dict(a=FEATURES['a']), textB=dict(a=FEATURES['a'][:, :4])))
    with pytest.raises(ValueError, match='d.h5.*equal width'):
        PrecomputedText(path).load('a')


def test_wrong_paths(tmp_path):
    with pytest.raises(FileNotFoundError, match='nowhere'):
        PrecomputedText(tmp_path / 'nowhere')
    with pytest.raises(ValueError, match='npy or .npz'):
        PrecomputedText(tmp_path)
    (tmp_path / 'a.txt').touch()
    with pytest.raises(ValueError, match="suffix '.txt'"):
        PrecomputedText(tmp_path / 'a.txt')
    np.savez(tmp_path / 'empty.npz')
    with pytest.raises(ValueError, match='got none'):
        PrecomputedText(tmp_path / 'empty.npz')


def test_padding():
    features = [torch.randn(2, 4), torch.randn(5, 4)]
    result = pad_text(features)
    assert result.feat.shape == (2, 5, 4)
    assert torch.equal(result.feat[0, :2], features[0])
    assert torch.equal(result.feat[1], features[1])
    assert (result.feat[0, 2:] == 0).all()
    assert result.mask.tolist() == [[True] * 2 + [False] * 3, [True] * 5]
