"""Checkpoints are read without running code and loaded strictly."""
import os

import pytest
import torch
from mmengine.logging import HistoryBuffer
from torch import nn

from mmfusion.models.fusers import TransFuser6
from mmfusion.utils.checkpoint import (find_state_dict, load_fuser_weights,
                                       read_checkpoint)

SLIM = dict(stem_channels=4, channels=(8, 8, 8, 8), heads=(2, 2, 2, 2))


@pytest.fixture(scope='module')
def trained():
    torch.manual_seed(1)
    return TransFuser6(**SLIM).state_dict()


def same(fuser, state):
    return all(
        torch.equal(value, state[key])
        for key, value in fuser.state_dict().items())


@pytest.mark.parametrize('wrap', [
    lambda state: state,
    lambda state: dict(state_dict=state, meta=dict(epoch=1)),
    lambda state: {
        f'module.{k}': v for k, v in state.items()
    },
    lambda state: dict(
        state_dict={
            **{
                f'fuser.{k}': v for k, v in state.items()
            },
            'segmentor.head.weight': torch.zeros(1),
        }),
], ids=['bare', 'state_dict', 'module', 'joint'])
def test_accepted_layouts(trained, tmp_path, wrap):
    path = tmp_path / 'fuser.pth'
    torch.save(wrap(trained), path)
    for source in (path, str(path), wrap(trained)):
        fuser = TransFuser6(**SLIM)
        assert not same(fuser, trained)
        load_fuser_weights(fuser, source)
        assert same(fuser, trained)


def test_init_cfg(trained, tmp_path):
    torch.save(trained, tmp_path / 'a.pth')
    fuser = TransFuser6(
        **SLIM, init_cfg=dict(type='Pretrained',
                              checkpoint=str(tmp_path / 'a.pth')))
    fuser.init_weights()
    assert same(fuser, trained)
    # as forms write it: from scratch
    TransFuser6(**SLIM, init_cfg=dict(type='Pretrained',
                                      checkpoint=None)).init_weights()


def test_training_checkpoints_of_mmengine(trained, tmp_path):
    """They hold the log's history: numpy arrays in HistoryBuffers."""
    buffer = HistoryBuffer()
    for value in (3., 1.):
        buffer.update(value)
    torch.save(
        dict(state_dict=trained,
             message_hub=dict(log_scalars=dict(loss=buffer)),
             meta=dict(iter=2)), tmp_path / 'iter_2.pth')
    checkpoint = read_checkpoint(tmp_path / 'iter_2.pth')
    assert checkpoint['message_hub']['log_scalars']['loss'].mean() == 2.
    load_fuser_weights(TransFuser6(**SLIM), tmp_path / 'iter_2.pth')


class _Runs:

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize('harm', [
    _Runs(os.mkdir, 'reached'),
    _Runs(getattr, 'text', 'upper'),
    _Runs(getattr, HistoryBuffer, '__init__'),
    _Runs(eval, '1'),
], ids=['call', 'getattr', 'private', 'eval'])
def test_refused_pickles(trained, tmp_path, monkeypatch, harm):
    monkeypatch.chdir(tmp_path)
    torch.save(dict(state_dict=trained, meta=harm), 'bad.pth')
    with pytest.raises(ValueError, match='cannot be read safely') as error:
        read_checkpoint('bad.pth')
    assert '\n' not in str(error.value)
    assert not (tmp_path / 'reached').exists()


def test_no_such_file_and_no_checkpoint(tmp_path):
    with pytest.raises(FileNotFoundError, match='does not exist'):
        read_checkpoint(tmp_path / 'none.pth')
    for content in (b'', b'text', b'PK\x03\x04 truncated'):
        (tmp_path / 'broken.pth').write_bytes(content)
        with pytest.raises(ValueError, match='cannot be read safely'):
            read_checkpoint(tmp_path / 'broken.pth')


@pytest.mark.parametrize('content', [[1, 2], {},
                                     dict(model=dict(a=1)),
                                     dict(a=1),
                                     dict(state_dict={})], ids=str)
def test_no_state_dict(content):
    with pytest.raises(ValueError, match='Expected a state dict'):
        find_state_dict(content)


def test_all_wrong_keys_are_listed(trained):
    state = dict(trained)
    state['to_luma.bias'] = torch.zeros(3)
    state['surplus.weight'] = torch.zeros(1)
    del state['ir_encoder.stem.bias'], state['vis_encoder.stem.bias']
    fuser = TransFuser6(**SLIM)
    before = {key: value.clone() for key, value in fuser.state_dict().items()}
    with pytest.raises(ValueError) as error:
        load_fuser_weights(fuser, state)
    text = str(error.value)
    assert '2 missing: vis_encoder.stem.bias, ir_encoder.stem.bias' in text
    assert '1 unexpected: surplus.weight' in text
    assert '1 misshapen: to_luma.bias (expected (1,), got (3,))' in text
    assert 'convert.py' in text
    assert same(fuser, before)


def test_other_networks_keys(trained):
    with pytest.raises(ValueError, match='that of another model: 0 fit'):
        load_fuser_weights(TransFuser6(**SLIM), nn.Linear(1, 1).state_dict())
