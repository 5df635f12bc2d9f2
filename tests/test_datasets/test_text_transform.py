"""LoadTextFeatures: where a text comes from, and what is packed."""
import json

import numpy as np
import pytest
import torch
from mmcv.transforms import Compose

from mmfusion.datasets.transforms import LoadTextFeatures, PackFusionInputs
from mmfusion.registry import TRANSFORMS
from tests.support import text_cases
from tests.support.h5_cases import feature


@pytest.fixture
def stored(tmp_path):
    """Features of 'a' and 'b'."""
    for index, stem in enumerate('ab'):
        np.save(tmp_path / f'{stem}.npy', feature(index))
    return str(tmp_path)


@pytest.fixture
def captions(tmp_path):
    """Captions of 'b' and 'c'."""
    path = tmp_path / 'captions.json'
    path.write_text(json.dumps(dict(b='two cars', c=['a man', 'a lamp'])))
    return str(path)


@pytest.fixture(scope='module')
def encoder(tmp_path_factory):
    folder = text_cases.save_encoder(tmp_path_factory.mktemp('bert'))
    return dict(type='BertTextEncoder', folder=folder)


def test_by_stem(stored):
    load = TRANSFORMS.build(dict(type='LoadTextFeatures', features=stored))
    for sample in (dict(stem='b'), dict(vis_path='vis/b.png'),
                   dict(img_path='vis/b.jpg'),
                   dict(modalities=dict(under=(0, 3), over=(3, 6)),
                        under_path='under/b.png', over_path='over/a.png')):
        text = load(sample)['text']
        np.testing.assert_array_equal(text, feature(1))
    assert stored in repr(load)


def test_captions_fill_what_features_lack(stored, captions, encoder):
    load = LoadTextFeatures(stored, captions, encoder)
    np.testing.assert_array_equal(load(dict(stem='b'))['text'], feature(1))
    got = load(dict(stem='c'))['text']
    want = load._encoder.features([('a man', 'a lamp')])[0]
    np.testing.assert_array_equal(got, want)
    assert got.shape == (8, 16) and got.dtype == np.float32


def test_text_of_the_sample_comes_first(stored, encoder):
    load = LoadTextFeatures(stored, encoder=encoder)
    own = feature(9)
    assert load(dict(stem='a', text=own[None]))['text'].shape == (5, 16)
    np.testing.assert_array_equal(load(dict(stem='a', text=own))['text'], own)
    want = load._encoder.features(['two cars'])[0]
    np.testing.assert_array_equal(
        load(dict(stem='a', text='two cars'))['text'], want)


def test_text_path(stored):
    sample = dict(stem='z', text_path=f'{stored}/a.npy')
    np.testing.assert_array_equal(LoadTextFeatures()(dict(sample))['text'],
                                  feature(0))
    # not where the pipeline names features of its own
    with pytest.raises(ValueError, match="stem 'z'.*2 other features"):
        LoadTextFeatures(stored)(dict(sample))


def test_repeated_captions_are_encoded_once(encoder, monkeypatch):
    load = LoadTextFeatures(encoder=encoder)
    calls = []
    plain = load._encoder.encode_strings
    monkeypatch.setattr(load._encoder, 'encode_strings',
                        lambda texts: calls.append(texts) or plain(texts))
    frames = [load(dict(stem=str(k), text='two cars')) for k in range(5)]
    assert len(calls) == 1
    assert all((frame['text'] == frames[0]['text']).all() for frame in frames)


def test_missing_text(stored, captions, encoder):
    load = LoadTextFeatures(stored, captions, encoder)
    with pytest.raises(
            ValueError,
            match=(r"vis/zz.png: expected a text for the stem 'zz'.*2 other "
                   r'features.*2 other captions')):
        load(dict(vis_path='vis/zz.png'))
    with pytest.raises(ValueError, match='no features or captions'):
        LoadTextFeatures()(dict(stem='a'))
    with pytest.raises(ValueError, match='vis/a.png: .*text encoder'):
        LoadTextFeatures()(dict(vis_path='vis/a.png', text='two cars'))
    with pytest.raises(ValueError, match='vis/a.png: .*unknown to the tok'):
        load(dict(vis_path='vis/a.png', text='xyzzy'))
    with pytest.raises(ValueError, match='expected an encoder'):
        LoadTextFeatures(captions=captions)


def packed(sample):
    return PackFusionInputs()(dict(sample, img=np.zeros((4, 6, 4), np.uint8),
                                   vis_path='v/a.png'))


def test_packed(stored):
    """The sample owns its text, which moves with it."""
    load = LoadTextFeatures(stored)
    one, two = (Compose([load, packed])(dict(stem='a'))['data_samples']
                for _ in range(2))
    assert one.text.dtype == torch.float32
    np.testing.assert_array_equal(one.text, feature(0))
    one.text.zero_()
    np.testing.assert_array_equal(two.text, feature(0))
    assert two.to('meta').text.device.type == 'meta'
    assert 'text' not in packed({})['data_samples']


def test_packing_a_caption():
    with pytest.raises(ValueError, match='two cars.*LoadTextFeatures'):
        packed(dict(text='two cars'))
