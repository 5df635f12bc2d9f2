"""Captions to features: forms of output, resuming, and bad captions."""
import json
import sys
import types
from pathlib import Path

import numpy as np
import pytest

from mmfusion.models.text_encoders import BertTextEncoder, PrecomputedText
from tests.support import text_cases

TOOL = (Path(__file__).resolve().parents[2] /
        'tools/dataset_converters/make_text_features.py')
CAPTIONS = {
    'a': 'two cars',
    'night/b': ['a man', 'a lamp'],
    'c': 'a street at night',
    'd': 'two cars'
}


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    return text_cases.save_encoder(tmp_path_factory.mktemp('bert'))


@pytest.fixture(scope='module')
def main():
    module = types.ModuleType('make_text_features')
    sys.modules[module.__name__] = module
    exec(compile(TOOL.read_text(), str(TOOL), 'exec'), module.__dict__)
    return module.main


@pytest.fixture
def make(main, folder, tmp_path):

    def run(out, *flags, captions=CAPTIONS):
        path = tmp_path / 'captions.json'
        path.write_text(json.dumps(captions))
        return main([
            str(path),
            str(tmp_path / out), '--encoder', f'bert={folder}',
            *map(str, flags)
        ])

    return run


@pytest.fixture
def calls(monkeypatch):
    """Texts in the order in which they are encoded."""
    seen = []
    plain = BertTextEncoder.encode_strings

    def note(self, texts):
        seen.extend(texts)
        return plain(self, texts)

    monkeypatch.setattr(BertTextEncoder, 'encode_strings', note)
    return seen


def check(path, folder, captions=CAPTIONS):
    store = PrecomputedText(path)
    assert len(store) == len(captions)
    encoder = BertTextEncoder(folder)
    for stem, caption in captions.items():
        text = caption if isinstance(caption, str) else tuple(caption)
        np.testing.assert_allclose(store.load(stem),
                                   encoder.features([text])[0], atol=2e-6)


@pytest.mark.parametrize('out', ['out', 'out.npz', 'out.h5', 'out.hdf5'])
def test_outputs(make, folder, tmp_path, out, capsys):
    assert make(out, '--batch-size', 3) == 0
    check(tmp_path / out, folder)
    captured = capsys.readouterr()
    assert 'features of 4 pairs, 16 channels' in captured.out
    assert '4/4' in captured.err
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {'captions.json', out}
    assert not list(tmp_path.rglob('.*'))


def test_resumes_after_an_interruption(make, folder, tmp_path, calls,
                                       monkeypatch):
    plain = np.save

    def stop(path, array):
        if len(list((tmp_path / 'out').rglob('*.npy'))) == 2:
            raise KeyboardInterrupt
        plain(path, array)

    monkeypatch.setattr(np, 'save', stop)
    with pytest.raises(KeyboardInterrupt):
        make('out', '--batch-size', 1)
    monkeypatch.setattr(np, 'save', plain)
    del calls[:]
    assert make('out', '--batch-size', 1) == 0
    assert sorted(calls) == ['a lamp', 'a man', 'two cars']
    check(tmp_path / 'out', folder)
    del calls[:]
    assert make('out') == 0 and not calls
    assert make('out', '--overwrite') == 0 and len(calls) == 4


def test_changed_captions_are_encoded_anew(make, folder, tmp_path, calls):
    assert make('out') == 0
    del calls[:]
    changed = dict(CAPTIONS, c='a lamp', e='a man')
    assert make('out', captions=changed) == 0
    assert sorted(calls) == ['a lamp', 'a man']
    check(tmp_path / 'out', folder, changed)


def test_another_encoder(make, tmp_path, capsys):
    assert make('out') == 0
    with pytest.raises(SystemExit):
        make('out', '--max-length', 4)
    assert '--overwrite' in capsys.readouterr().err
    with pytest.warns(UserWarning, match='are cut'):
        assert make('out', '--max-length', 4, '--overwrite') == 0
    assert len(PrecomputedText(tmp_path / 'out').load('c')) == 4


@pytest.mark.parametrize('out', ['out', 'out.npz'])
def test_one_bad_caption(make, folder, tmp_path, out, capsys):
    bad = dict(CAPTIONS, b='xyzzy')
    assert make(out, captions=bad) == 1
    text = capsys.readouterr().err
    assert 'error: b: ' in text and 'unknown to the tokenizer' in text
    assert '1 of 5 captions failed' in text
    check(tmp_path / out, folder)
    better = dict(CAPTIONS, b='a lamp')
    assert make(out, captions=better) == 0
    assert '4 of 5 are done already' in capsys.readouterr().err
    check(tmp_path / out, folder, better)


def test_what_is_there_is_kept(make, tmp_path, capsys):
    assert make('out.npz') == 0
    before = (tmp_path / 'out.npz').stat().st_mtime_ns
    with pytest.raises(SystemExit):
        make('out.npz')
    assert '--overwrite' in capsys.readouterr().err
    assert (tmp_path / 'out.npz').stat().st_mtime_ns == before
    (tmp_path / 'mine').mkdir()
    np.save(tmp_path / 'mine' / 'a.npy', np.zeros((1, 2)))
    with pytest.raises(SystemExit):
        make('mine')
    assert 'meta.json' in capsys.readouterr().err
    assert (tmp_path / 'mine' / 'a.npy').is_file()


@pytest.mark.parametrize('words, message', [
    (['no.json', 'out', '--encoder', 'bert=FOLDER'], 'no.json'),
    (['CAPTIONS', 'out', '--encoder', 'bert=nowhere'], 'nowhere'),
    (['CAPTIONS', 'out', '--encoder', 'gpt=FOLDER'], 'blip2'),
    (['CAPTIONS', 'out', '--encoder', 'bert=FOLDER', '--batch-size', '0'
      ], 'batch_size'),
    (['CAPTIONS', 'out'], '--encoder'),
])
def test_user_errors(main, folder, tmp_path, capsys, words, message):
    (tmp_path / 'c.json').write_text(json.dumps(CAPTIONS))
    words = [
        word.replace('FOLDER', folder).replace('CAPTIONS',
                                               str(tmp_path / 'c.json'))
        for word in words
    ]
    with pytest.raises(SystemExit) as stop:
        main(words)
    assert stop.value.code == 2
    assert message in capsys.readouterr().err


def test_device(make, tmp_path):
    assert make('out', '--device', 'cpu') == 0
