"""FILM's converter: the authors' files, Jittor's, and what is refused."""
import hashlib
import pickle
import sys
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest
import torch

from mmfusion.models.fusers import FILMFusion
from mmfusion.utils.checkpoint import load_fuser_weights
from tests.support.references.film import (fill_reference, reference_input,
                                           reference_shapes)


@pytest.fixture(scope='module')
def convert_file(converter):
    return converter.convert_file


@pytest.fixture(scope='module')
def state():
    return fill_reference(reference_shapes())


class _Var:
    """Pickles as Jittor's tensors do: a call on one array."""

    def __init__(self, array):
        self.array = array

    def __reduce__(self):
        return _VAR, (self.array, )


def _VAR(array):
    return array


_VAR.__module__, _VAR.__qualname__ = 'jittor', 'Var'


@pytest.fixture
def jittor_module(monkeypatch):
    """Pickling a global looks it up; reading must do without."""
    import types
    module = types.ModuleType('jittor')
    module.Var = _VAR
    monkeypatch.setitem(sys.modules, 'jittor', module)


def jittor_bytes(state, **extra):
    """A Jittor checkpoint, from tensors or arrays."""
    model = {k: _Var(np.asarray(v)) for k, v in state.items()}
    content = pickle.dumps(
        dict(model=model,
             optimizer1=dict(defaults=dict(lr=1e-5, m=[_Var(np.ones(3))])),
             lr_schedule1=dict(step_size=50), epoch=149, step=np.float64(3),
             **extra), protocol=4)
    return content + hashlib.sha1(content).digest() + b'HCAJSLHD'


def split_attention(state, biases=True):
    """Three input layers an attention, as older Jittor has them."""
    split = {}
    for key, value in state.items():
        layer, found, kind = key.rpartition('in_proj_')
        if not found:
            split[key] = value
            continue
        for name, part in zip('qkv', value.chunk(3), strict=True):
            if kind == 'weight' or biases:
                split[f'{layer}{name}_proj.{kind}'] = part
    return split


def equal(got, expected):
    assert sorted(got) == sorted(expected)
    for key, value in expected.items():
        assert got[key].dtype == value.dtype and torch.equal(got[key],
                                                             value), key


def read(path):
    return torch.load(path, weights_only=True)


def check_converted(path, state):
    """Loads strictly and computes what the weights say."""
    fuser = FILMFusion(token_grid=(36, 48)).eval()
    load_fuser_weights(fuser, path)
    assert sum(p.numel() for p in fuser.parameters()) == 2_070_235
    stages = dict(A=fuser.ir_stages, B=fuser.vis_stages)
    for side, number in (('A', 1), ('B', 2)):
        for stage in range(3):
            own = stages[side][stage]
            assert torch.equal(
                own.stem.weight,
                state[f'restormerca{stage + 1}.conv{side}1.weight'])
            attended = (f'restormerca{stage + 1}.cross_attentionA{number}.'
                        'multihead_attn.in_proj_weight')
            assert torch.equal(own.gate.in_proj.weight, state[attended])
    with torch.inference_mode():
        fused = fuser.fuse_luma(**reference_input(1, 16, 16, 3))
    assert fused.isfinite().all() and fused.std() > 0.05


@pytest.mark.parametrize('legacy', [False, True])
def test_authors_file_and_back(convert_file, state, tmp_path, legacy):
    source, ours, back = (tmp_path / name
                          for name in ('IVF.pth', 'ours.pth', 'back.pth'))
    file = dict(
        model=OrderedDict((f'module.{k}', v) for k, v in state.items()),
        optimizer1=dict(state={0: dict(exp_avg=torch.ones(2))}),
        lr_schedule1=dict(step_size=50, gamma=0.6), epoch=149, step=541)
    torch.save(file, source, _use_new_zipfile_serialization=not legacy)
    convert_file(str(source), str(ours), 'film')
    check_converted(ours, state)
    assert read(ours)['meta'] == dict(
        method='film', task='IVF', variant='torch',
        source_sha256=hashlib.sha256(source.read_bytes()).hexdigest(),
        unused={})
    convert_file(str(ours), str(back), 'film', reverse=True)
    equal(read(back)['model'], dict(file['model']))


@pytest.mark.parametrize('split', [False, True])
def test_jittor_file(convert_file, state, tmp_path, jittor_module, monkeypatch,
                     split):
    source, ours = tmp_path / 'film.pkl', tmp_path / 'ours.pth'
    theirs = split_attention(state) if split else dict(state)
    prelu = 'restormerca1.preluA1.weight'
    theirs[prelu] = theirs[prelu].reshape(())
    source.write_bytes(jittor_bytes(theirs))
    monkeypatch.delitem(sys.modules, 'jittor')
    convert_file(str(source), str(ours), 'film')
    check_converted(ours, state)
    converted = read(ours)
    assert converted['meta']['variant'] == ('jittor-split'
                                            if split else 'jittor')
    assert 'task' not in converted['meta']
    assert len(converted['state_dict']) == 189


def test_attention_without_biases(convert_file, state, tmp_path):
    theirs = {
        key: value
        for key, value in split_attention(state, biases=False).items()
        if not key.endswith('out_proj.bias')
    }
    torch.save(dict(model=theirs), tmp_path / 'in.pth')
    ours = tmp_path / 'ours.pth'
    convert_file(str(tmp_path / 'in.pth'), str(ours), 'film')
    converted = read(ours)['state_dict']
    for name in ('in_proj', 'out_proj'):
        assert not converted[f'fuser.vis_stages.1.gate.{name}.bias'].any()


def test_bare_pickle_of_arrays(convert_file, state, tmp_path):
    """Of any protocol; double precision becomes single."""
    for protocol in (2, 5):
        source = tmp_path / f'film{protocol}.pkl'
        source.write_bytes(
            pickle.dumps({
                k: v.double().numpy() for k, v in state.items()
            }, protocol))
        ours = tmp_path / 'ours.pth'
        convert_file(str(source), str(ours), 'film')
        check_converted(ours, state)


@pytest.fixture
def refuse(convert_file, tmp_path):
    """``refuse(content, match)``: an error, and no file."""

    def run(content, match):
        source, target = tmp_path / 'film.pkl', tmp_path / 'ours.pth'
        if isinstance(content, bytes):
            source.write_bytes(content)
        else:
            torch.save(content, source)
        with pytest.raises(ValueError, match=match):
            convert_file(str(source), str(target), 'film')
        assert [path.name for path in tmp_path.iterdir()] == ['film.pkl']

    return run


@pytest.mark.parametrize('container', ['torch', 'jittor'])
def test_simplified_port(refuse, jittor_module, container):
    port = {
        'text_process.conv.weight': torch.zeros(256, 768, 1),
        'restormer1.attn.cross.q_proj.weight': torch.zeros(64, 64),
        'restormerca1.cross_attentionA1.q_proj.weight': torch.zeros(256, 256),
    }
    content = dict(model=port) if container == 'torch' else jittor_bytes(port)
    refuse(content, 'simplified Jittor port.*cannot be converted')


def test_damaged_file(refuse, state, jittor_module):
    content = bytearray(jittor_bytes(state))
    content[5000] ^= 1
    refuse(bytes(content), 'SHA-1.*damaged')
    refuse(bytes(content[:-100]), 'cannot be read safely')
    refuse(b'', 'cannot be read safely')


class _Hostile:

    def __reduce__(self):
        return Path.touch, (Path('owned'), )


def test_hostile_pickle(refuse, state, jittor_module, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path.parent)
    refuse(jittor_bytes(state, extra=_Hostile()), 'asks for pathlib')
    refuse(pickle.dumps(dict(model=_Hostile())), 'do not trust it')
    refuse(pickle.dumps(dict(model=eval)), 'builtins.eval')
    assert not Path('owned').exists()


def test_other_networks(refuse, state):
    missing = dict(state)
    del missing['conv2.bias']
    refuse(dict(model=missing), '1 missing: conv2.bias')
    refuse(dict(model={
        **state, 'conv2.bias': torch.zeros(2)
    }), r'conv2.bias \(expected \(1,\), got \(2,\)\)')
    refuse(dict(optimizer1={}), 'Expected a state dict')


def test_missing_file(convert_file, tmp_path):
    with pytest.raises(FileNotFoundError, match='does not exist'):
        convert_file(str(tmp_path / 'no.pth'), str(tmp_path / 'o'), 'film')
