"""Damage of a checkpoint is told; see also test_fuser_checkpoint."""
import pickle
import zipfile

import numpy as np
import pytest
import torch
from mmengine.runner import CheckpointLoader, Runner

from mmfusion.utils.checkpoint import DamagedCheckpoint, read_checkpoint
from mmfusion.utils.loading_guard import weights_only
from mmfusion.utils.plain_pickle import PlainUnpickler
from tests.support.payloads import Payload, evil_checkpoint


@pytest.fixture
def checkpoint(tmp_path):
    path = tmp_path / 'a.pth'
    torch.save(dict(state_dict=dict(a=torch.arange(64.), b=torch.ones(3, 5))),
               path)
    return path


def same(found):
    state = found['state_dict']
    return torch.equal(state['a'], torch.arange(64.)) and torch.equal(
        state['b'], torch.ones(3, 5))


def test_no_flipped_bit_changes_weights(checkpoint):
    """All bits of the tensors; every fifth byte of the rest."""
    content = checkpoint.read_bytes()
    assert same(read_checkpoint(checkpoint))
    start = content.index(torch.arange(64.).numpy().tobytes())
    told = 0
    for byte in {*range(start, start + 64 * 4, 8), *range(0, len(content), 5)}:
        damaged = bytearray(content)
        damaged[byte] ^= 1 << byte % 8
        checkpoint.write_bytes(damaged)
        try:
            assert same(read_checkpoint(checkpoint)), byte
        except DamagedCheckpoint:
            told += 1
    assert told > 100


@pytest.mark.parametrize(
    'content',
    [b'', b'\0' * 5000, b'text', b'PK\x03\x04 cut', b'\x80\x02\x8a\n'],
    ids=['empty', 'zeros', 'text', 'zip', 'pickle'])
def test_damaged(tmp_path, content):
    path = tmp_path / 'a.pth'
    path.write_bytes(content)
    with pytest.raises(DamagedCheckpoint, match='take an older one') as error:
        read_checkpoint(path)
    assert '\n' not in str(error.value)


@pytest.mark.parametrize('part', [0.1, 0.5, 0.99])
def test_cut_short(checkpoint, part):
    content = checkpoint.read_bytes()
    checkpoint.write_bytes(content[:int(part * len(content))])
    with pytest.raises(DamagedCheckpoint):
        read_checkpoint(checkpoint)


def test_what_asks_for_more_is_not_damaged(tmp_path):
    for legacy in (False, True):
        path = evil_checkpoint(tmp_path / 'a.pth', tmp_path / 'mark', legacy)
        with pytest.raises(ValueError, match='mkdir.*sandbox') as error:
            read_checkpoint(path)
        assert not isinstance(error.value, DamagedCheckpoint)


def test_mmengine_reads_as_we_do(checkpoint, tmp_path):
    assert same(CheckpointLoader.load_checkpoint(str(checkpoint)))
    content = bytearray(checkpoint.read_bytes())
    start = bytes(content).index(torch.ones(15).numpy().tobytes())
    content[start] ^= 1
    checkpoint.write_bytes(content)
    with pytest.raises(DamagedCheckpoint, match='the sum of'):
        CheckpointLoader.load_checkpoint(str(checkpoint))
    with pytest.raises(FileNotFoundError):
        CheckpointLoader.load_checkpoint(str(tmp_path / 'none.pth'))
    assert Runner  # which loads through it, see test_weights_are_data


def test_weights_only_lasts_as_long_as_asked(tmp_path, monkeypatch):
    monkeypatch.delenv('TORCH_FORCE_WEIGHTS_ONLY_LOAD', raising=False)
    path = tmp_path / 'a.pth'
    torch.save(dict(a=Payload(tmp_path / 'mark')), path)
    with weights_only():
        with weights_only():
            pass
        with pytest.raises(pickle.UnpicklingError):
            torch.load(path, weights_only=False)
    assert not (tmp_path / 'mark').exists()
    torch.load(path, weights_only=False)
    assert (tmp_path / 'mark').exists()


def test_plain_pickles(tmp_path):
    content = dict(a=[1, 'b', (2., None)], b=np.arange(6.).reshape(2, 3),
                   c=np.float32(3), d={4})
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        (tmp_path / 'a.pkl').write_bytes(pickle.dumps(content, protocol))
        with open(tmp_path / 'a.pkl', 'rb') as file:
            if protocol < 4:  # spells a set by its class
                with pytest.raises(pickle.UnpicklingError, match='set'):
                    PlainUnpickler(file).load()
                continue
            found = PlainUnpickler(file).load()
        np.testing.assert_equal(found, content)


def test_zip_files_of_others(tmp_path):
    with zipfile.ZipFile(tmp_path / 'a.pth', 'w') as file:
        file.writestr('readme.txt', 'no checkpoint')
    with pytest.raises(ValueError, match='cannot be read safely'):
        read_checkpoint(tmp_path / 'a.pth')
