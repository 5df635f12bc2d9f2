"""Encoders of transformers, from folders written by the tests."""
import json
import os
import pickle
import shutil
import subprocess
import sys

import pytest
import torch

from mmfusion.models.text_encoders import BaseTextEncoder
from mmfusion.registry import TEXT_ENCODERS
from tests.support import text_cases

TEXTS = ['a street at night', 'two cars', 'a man with a lamp at night']
NAMES = dict(bert='BertTextEncoder', blip2='Blip2TextEncoder',
             clip='CLIPTextEncoder', t5='T5TextEncoder')
#: start and end tokens
FRAME = dict(bert=2, blip2=2, clip=2, t5=1)


@pytest.fixture(scope='module')
def folders(tmp_path_factory):
    root = tmp_path_factory.mktemp('encoders')
    return {
        kind: text_cases.save_encoder(root / kind, kind)
        for kind in text_cases.KINDS
    }


def build(kind, folder, **kwargs) -> BaseTextEncoder:
    return TEXT_ENCODERS.build(dict(type=kind, folder=folder, **kwargs))


def tokens_of(kind, text):
    words = text.replace(' ', '') if kind == 'clip' else text.split()
    return len(words) + FRAME[kind]


def count_calls(encoder, monkeypatch):
    seen = []
    plain = encoder.encode_strings
    monkeypatch.setattr(encoder, 'encode_strings',
                        lambda texts: seen.append(list(texts)) or plain(texts))
    return seen


@pytest.mark.parametrize('kind', NAMES)
class TestEveryEncoder:

    def test_shapes_and_mask(self, kind, folders):
        encoder = build(NAMES[kind], folders[kind])
        assert encoder.out_channels == text_cases.WIDTH
        result = encoder.encode(TEXTS)
        lengths = [tokens_of(kind, text) for text in TEXTS]
        if kind == 'clip':
            lengths = [min(length, 20) for length in lengths]
        assert result.feat.shape == (3, max(lengths), text_cases.WIDTH)
        assert result.feat.dtype == torch.float32
        assert result.mask.sum(1).tolist() == lengths
        assert torch.isfinite(result.feat).all()
        assert (result.feat[~result.mask] == 0).all()

    def test_is_the_models_last_hidden_state(self, kind, folders):
        """Held against the model called directly, without padding."""
        import transformers
        encoder = build(kind, folders[kind])
        model = getattr(transformers, encoder.MODEL).from_pretrained(
            folders[kind], **encoder.OPTIONS).eval()
        tokenizer = getattr(transformers,
                            encoder.TOKENIZER).from_pretrained(folders[kind])
        for text, got in zip(TEXTS[:2], encoder.features(TEXTS[:2]),
                             strict=True):
            ids = torch.tensor([tokenizer(text)['input_ids']])
            with torch.no_grad():
                want = model(input_ids=ids).last_hidden_state[0]
            torch.testing.assert_close(got, want, atol=2e-6, rtol=0)
        first, second = encoder.features(TEXTS[:2])
        assert (first.mean(0) - second.mean(0)).abs().max() > 1e-3

    def test_several_texts_are_joined(self, kind, folders):
        encoder = build(kind, folders[kind])
        one, two = encoder.features(TEXTS[:2])
        both, = encoder.features([tuple(TEXTS[:2])])
        torch.testing.assert_close(both, torch.cat((one, two)), atol=2e-6,
                                   rtol=0)

    def test_a_text_is_encoded_once(self, kind, folders, monkeypatch):
        encoder = build(kind, folders[kind])
        seen = count_calls(encoder, monkeypatch)
        for _ in range(3):
            encoder.encode([TEXTS[1], TEXTS[1], (TEXTS[1], TEXTS[2])])
        assert sorted(sum(seen, [])) == sorted(TEXTS[1:])

    def test_frozen(self, kind, folders):
        encoder = build(kind, folders[kind]).train()
        assert not any(part.training for part in encoder.modules())
        assert not any(p.requires_grad for p in encoder.parameters())
        assert not encoder.features(TEXTS)[0].requires_grad

    def test_pickles_for_workers(self, kind, folders):
        encoder = build(kind, folders[kind])
        copy = pickle.loads(pickle.dumps(encoder))
        torch.testing.assert_close(
            copy.features(TEXTS)[2],
            encoder.features(TEXTS)[2])

    def test_weights_inside_a_larger_checkpoint(self, kind, tmp_path):
        folder = text_cases.save_encoder(tmp_path / 'full', kind, full=True)
        encoder = build(kind, folder)
        import transformers
        model = getattr(transformers,
                        encoder.MODEL).from_pretrained(folder,
                                                       **encoder.OPTIONS)
        state = encoder.model.state_dict()
        for key, value in model.state_dict().items():
            torch.testing.assert_close(state[key], value)
        assert len(encoder.features(TEXTS)) == 3

    def test_missing_weights_are_noticed(self, kind, folders, tmp_path):
        """transformers itself would draw them at random."""
        from safetensors.torch import load_file, save_file
        folder = tmp_path / 'cut'
        shutil.copytree(folders[kind], folder)
        weights = load_file(folder / 'model.safetensors')
        gone = max(key for key in weights
                   if 'weight' in key and 'layer' in key or 'block.0' in key)
        del weights[gone]
        save_file(weights, folder / 'model.safetensors', dict(format='pt'))
        with pytest.raises(ValueError, match='weights lack 1 of'):
            build(kind, str(folder))

    def test_another_model_s_folder(self, kind, folders):
        other = folders['t5' if kind != 't5' else 'bert']
        with pytest.raises(ValueError, match='expects a model of type'):
            build(kind, other)

    def test_no_tokenizer(self, kind, folders, tmp_path):
        folder = tmp_path / 'bare'
        folder.mkdir()
        for name in ('config.json', 'model.safetensors'):
            shutil.copy(f'{folders[kind]}/{name}', folder)
        with pytest.raises(ValueError, match='files of a .*Tokenizer'):
            build(kind, str(folder))
        (folder / 'tokenizer.json').write_text('{"version": 1')
        with pytest.raises(ValueError, match='cannot be read'):
            build(kind, str(folder))

    def test_words_nobody_knows(self, kind, folders):
        with pytest.raises(ValueError, match='unknown to the tokenizer'):
            build(kind, folders[kind]).features(['\u6cb9\u6cb9'])


def test_long_texts_are_cut_with_a_warning(folders):
    encoder = build('bert', folders['bert'], max_length=4)
    with pytest.warns(UserWarning, match='1 of 2 texts.*more than 4 tokens'):
        result = encoder.encode(['two cars', 'a street at night'])
    assert result.mask.sum(1).tolist() == [4, 4]
    whole = build('bert', folders['bert'])
    with pytest.warns(UserWarning, match='more than 20 tokens'):
        assert len(whole.features(['street ' * 60])[0]) == 20


def test_batches_change_nothing(folders):
    one = build('bert', folders['bert'], batch_size=1).encode(TEXTS)
    all_at_once = build('bert', folders['bert']).encode(TEXTS)
    torch.testing.assert_close(one.feat, all_at_once.feat, atol=2e-6, rtol=0)
    assert torch.equal(one.mask, all_at_once.mask)


def test_cache_can_be_small_or_off(folders, monkeypatch):
    for size, calls in ((0, 3), (1, 3), (2, 2)):
        encoder = build('bert', folders['bert'], cache_size=size)
        seen = count_calls(encoder, monkeypatch)
        for text in (TEXTS[0], TEXTS[1], TEXTS[0]):
            encoder.encode([text])
        assert len(seen) == calls


def test_vocabulary_file_alone(folders, tmp_path):
    """A folder with vocab.txt, as old checkpoints have it."""
    from transformers import BertTokenizer
    folder = tmp_path / 'old'
    shutil.copytree(folders['bert'], folder)
    vocabulary = BertTokenizer.from_pretrained(folder).get_vocab()
    for path in folder.glob('*token*'):
        path.unlink()
    (folder / 'vocab.txt'
     ).write_text('\n'.join(sorted(vocabulary, key=vocabulary.get)) + '\n')
    encoder = build('bert', str(folder))
    want = build('bert', folders['bert']).features(TEXTS)
    for ours, theirs in zip(encoder.features(TEXTS), want, strict=True):
        torch.testing.assert_close(ours, theirs)


def test_blip2_without_text_input(folders, tmp_path):
    folder = tmp_path / 'vision_only'
    shutil.copytree(folders['blip2'], folder)
    config = json.loads((folder / 'config.json').read_text())
    config['qformer_config']['use_qformer_text_input'] = False
    (folder / 'config.json').write_text(json.dumps(config))
    with pytest.raises(ValueError, match='without text input'):
        build('blip2', str(folder))


def test_tokenizer_of_a_larger_model(folders, tmp_path):
    from transformers import BertTokenizer
    folder = tmp_path / 'mixed'
    shutil.copytree(folders['bert'], folder)
    tokens = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]']
    tokens += [f'w{index}' for index in range(40)] + ['street']
    BertTokenizer(vocab={
        t: i for i, t in enumerate(tokens)
    }).save_pretrained(folder)
    with pytest.raises(ValueError, match='the model has 32'):
        build('bert', str(folder)).features(['street'])


@pytest.mark.parametrize('texts', [[''], [' '], [()], [('two cars', '')], [3]])
def test_empty_texts(folders, texts):
    with pytest.raises((ValueError, TypeError)):
        build('bert', folders['bert']).features(texts)


@pytest.mark.parametrize('options, words', [
    (dict(max_length=21), '3 to 20'),
    (dict(max_length=2), '3 to 20'),
    (dict(batch_size=0), 'batch_size'),
    (dict(cache_size=-1), 'cache_size'),
])
def test_bad_options(folders, options, words):
    with pytest.raises(ValueError, match=words):
        build('bert', folders['bert'], **options)


@pytest.mark.parametrize('name', ['bert-base-uncased', 'no/such/folder'])
def test_nothing_is_downloaded(name):
    with pytest.raises(FileNotFoundError, match='Nothing is downloaded'):
        build('bert', name)


def test_empty_folder(tmp_path):
    with pytest.raises(ValueError, match='config.json'):
        build('bert', str(tmp_path))


def test_describes_what_features_depend_on(folders):
    encoder = build('bert', folders['bert'], max_length=8)
    told = encoder.describe()
    assert told['type'] == 'BertTextEncoder' and told['max_length'] == 8
    assert told['width'] == text_cases.WIDTH
    assert 'model.safetensors' in told['files']
    assert json.loads(json.dumps(told)) == told


def test_optional_packages(tmp_path):
    """Without them everything imports, and errors say what to install."""
    for name in ('transformers', 'h5py'):
        (tmp_path / f'{name}.py').write_text('raise ImportError("hidden")')
    code = ('import mmfusion.models, mmfusion.datasets, sys\n'
            'assert "transformers" not in sys.modules\n'
            'from mmfusion.registry import TEXT_ENCODERS\n'
            'from mmfusion.fileio import read_h5\n'
            'for call in (lambda: TEXT_ENCODERS.get("bert")("."),\n'
            '             lambda: read_h5("a.h5:text/b")):\n'
            '    try:\n'
            '        call()\n'
            '    except ImportError as error:\n'
            '        print(error)\n')
    path = os.pathsep.join([str(tmp_path), *sys.path])
    done = subprocess.run([sys.executable, '-c', code], capture_output=True,
                          text=True, env=dict(os.environ, PYTHONPATH=path))
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert len(lines) == 2
    assert all('pip install "mmfusion[text]"' in line for line in lines)
