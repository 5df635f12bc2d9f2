"""Converting the authors' checkpoints: round trips and refusals."""
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from mmfusion.models.fusers import TransFuser6
from mmfusion.utils.checkpoint import load_fuser_weights
from tests.support.references.bffr import (fill_reference,
                                           reference_full_shapes,
                                           reference_fuser_shapes)

FOLDER = Path(__file__).resolve().parents[2] / 'tools/model_converters'


@pytest.fixture(scope='module')
def references():
    return dict(transfuser6=fill_reference(reference_fuser_shapes()),
                bffr=fill_reference(reference_full_shapes()))


def equal(got, expected):
    assert sorted(got) == sorted(expected)
    for key, value in expected.items():
        assert got[key].dtype == value.dtype and torch.equal(got[key],
                                                             value), key


@pytest.mark.parametrize('method, count, unused', [('transfuser6', 386, 40),
                                                   ('bffr', 578, 40)])
@pytest.mark.parametrize('wrap', [
    lambda state: state,
    lambda state:
    dict(state_dict={
        f'module.{k}': v for k, v in state.items()
    }, meta=dict(CLASSES=('a', 'b'), PALETTE=[[0, 0, 0], [1, 2, 3]], iter=3)),
], ids=['bare', 'wrapped'])
def test_round_trip(converter, references, tmp_path, method, count, unused,
                    wrap):
    reference = references[method]
    assert len(reference) == count
    files = [str(tmp_path / name) for name in ('in', 'sub/ours', 'back')]
    torch.save(wrap(reference), files[0])
    converter.convert_file(files[0], files[1], method)
    ours = torch.load(files[1], weights_only=True)
    assert set(ours) == {'state_dict', 'meta'}
    assert len(ours['state_dict']) == count - unused
    assert len(ours['meta']['unused']) == unused
    prefixes = ('fuser.', 'segmentor.backbone.', 'segmentor.decode_head.')
    assert all(key.startswith(prefixes) for key in ours['state_dict'])
    load_fuser_weights(TransFuser6(), files[1])
    converter.convert_file(files[1], files[2], method, reverse=True)
    back = torch.load(files[2], weights_only=True)
    equal(back['state_dict'], reference)
    if wrap(reference) is not reference:
        assert ours['meta']['dataset_meta'] == dict(
            classes=('a', 'b'), palette=[[0, 0, 0], [1, 2, 3]])
        assert back['meta'] == wrap(reference)['meta']
    assert sorted(p.name for p in tmp_path.iterdir()) == ['back', 'in', 'sub']
    assert [p.name for p in (tmp_path / 'sub').iterdir()] == ['ours']


def test_reverse_of_a_checkpoint_of_ours(converter):
    """It never had the unused tensors: neutral ones take their place."""
    torch.manual_seed(0)
    fuser = TransFuser6()
    state = {f'fuser.{k}': v for k, v in fuser.state_dict().items()}
    mapping = converter.MAPPINGS['transfuser6'][0]
    back = converter.revert(dict(state_dict=state), mapping)['state_dict']
    assert list(back) == sorted(reference_fuser_shapes())
    assert torch.equal(back['DB1_1.bn.weight'], torch.ones(32))
    assert torch.equal(back['DB1_1.bn.bias'], torch.zeros(32))
    assert torch.equal(back['DB1_1.bn.running_var'], torch.ones(32))
    assert back['DB1_1.bn.num_batches_tracked'].dtype == torch.long
    equal(converter.convert(back, mapping)['state_dict'], state)


def test_tables_agree_with_the_specification(converter):
    for method, shapes in (('transfuser6', reference_fuser_shapes()),
                           ('bffr', reference_full_shapes())):
        mapping = converter.MAPPINGS[method][0]
        assert dict(sorted(mapping.reference_shapes().items())) == shapes


@pytest.mark.parametrize('method', ['transfuser6', 'bffr'])
def test_wrong_keys_are_listed(converter, references, method):
    state = dict(references[method])
    prefix = 'fuser.' if method == 'bffr' else ''
    del state[f'{prefix}DB1_1.bn.bias']
    state['extra'] = torch.zeros(1)
    state[f'{prefix}conv_out.conv2d.bias'] = torch.zeros(2)
    with pytest.raises(ValueError) as error:
        converter.convert(state, converter.MAPPINGS[method][0])
    text = str(error.value)
    assert f'1 missing: {prefix}DB1_1.bn.bias' in text
    assert '1 unexpected: extra' in text
    assert f'{prefix}conv_out.conv2d.bias (expected (1,), got (2,))' in text


def test_ambiguous_table(converter):
    mapping = converter.KeyMapping('double', lambda: torch.nn.Linear(1, 1),
                                   lambda key: 'same')
    with pytest.raises(ValueError, match='one to one'):
        mapping.names()


def test_failures_leave_nothing_behind(converter, references, tmp_path,
                                       monkeypatch):
    torch.save(references['transfuser6'], tmp_path / 'in.pth')
    source, target = str(tmp_path / 'in.pth'), str(tmp_path / 'out.pth')
    with pytest.raises(ValueError, match='Expected a method'):
        converter.convert_file(source, target, 'nothing')
    with pytest.raises(ValueError, match="'bffr', got those of 'transfuser6'"):
        converter.convert_file(source, target, 'bffr')
    with pytest.raises(FileNotFoundError):
        converter.convert_file(source + 'x', target, 'bffr')

    def full_disk(_, path):
        Path(path).write_bytes(b'half')
        raise OSError('disk full')

    monkeypatch.setattr(torch, 'save', full_disk)
    with pytest.raises(OSError, match='disk full'):
        converter.convert_file(source, target, 'transfuser6')
    assert [p.name for p in tmp_path.iterdir()] == ['in.pth']


def test_command(converter, references, tmp_path, monkeypatch, capsys):
    source, target = tmp_path / 'in.pth', tmp_path / 'out.pth'
    torch.save(references['transfuser6'], source)
    done = subprocess.run([
        sys.executable, FOLDER / 'convert.py', '--method', 'transfuser6',
        source, target
    ], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert '346 keys, 40 unused' in done.stdout
    assert target.is_file()
    monkeypatch.setattr(sys, 'argv', [
        'convert.py', '--method', 'bffr',
        str(tmp_path / 'none'),
        str(target)
    ])
    with pytest.raises(SystemExit) as failed:
        converter.main()
    assert failed.value.code == 1
    assert 'does not exist' in capsys.readouterr().err
