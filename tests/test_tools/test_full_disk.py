"""Tools on a full disk: one line, no part files, and they go on after it."""
import os

import pytest

from mmfusion.datasets.patches import PatchFileDataset
from mmfusion.evaluation.records import RecordStore
from tests.support import tiny_project
from tests.support.converter_cases import run
from tests.support.small_disk import file_limit, full_disk, unfinished
from tests.support.smooth_pairs import smooth_pairs

PYRAMID = 'mmfusion::fusers/laplacian_pyramid.py'


def one_line(capsys, *words):
    """What was told on stderr beside notes and progress."""
    told = [
        line for line in capsys.readouterr().err.splitlines()
        if line and 'elapsed' not in line
    ]
    assert len(told) == 1, told
    assert all(word in told[0] for word in ('error: ', *words)), told
    return told[0]


@pytest.fixture
def folders(tmp_path):
    tiny_project.write_pairs(tmp_path / 'data', count=5, size=(64, 64))
    root = tmp_path / 'data'
    return ['--vis', root / 'vis', '--ir', root / 'ir']


def test_test_fusion_stops_at_the_first(call, folders, tmp_path, capsys):
    out = tmp_path / 'out'
    command = ('test_fusion.py', PYRAMID, *folders, '--out-dir', out,
               '--device', 'cpu')
    with file_limit(4096):
        assert call(*command) == 2
    one_line(capsys, f'{out}/000.png: ', ' bytes are missing: ')
    assert not list(out.iterdir())
    assert call(*command) == 0
    assert len(list(out.iterdir())) == 5


def test_make_teacher(call, tmp_path, capsys):
    root = smooth_pairs(tmp_path / 'data')
    out = root / 'TEACHER_FUSED'
    command = ('distill/make_teacher.py', PYRAMID, '--data-root', root,
               '--device', 'cpu')
    with file_limit(4096):  # enough for the manifest, not for an image
        assert call(*command) == 2
    one_line(capsys, f'{out}/0.png: ', ' bytes are missing: ')
    assert not unfinished(tmp_path)
    assert call(*command) == 0
    assert '4 of 4 images' in capsys.readouterr().out


def evaluate(call, data, out):
    return call('analysis_tools/evaluate_fusion.py', '--fused', data / 'vis',
                '--vis', data / 'vis', '--ir', data / 'ir', '--metrics', 'EN',
                'SD', '--workers', 1, '--out', out)


def test_evaluate_fusion(call, folders, tmp_path, capsys, monkeypatch):
    """It goes on with the images that are measured."""
    data, out = folders[1].parent, tmp_path / 'out'
    with file_limit(900):
        assert evaluate(call, data, out) == 2
    one_line(capsys, f'{out}/records.jsonl: ', ' bytes ')
    lines = (out / 'records.jsonl').read_bytes().splitlines()
    assert 1 < len(lines) < 6
    added = []
    add = RecordStore.add
    monkeypatch.setattr(
        RecordStore, 'add',
        lambda self, record, files: added.append(record) or add(
            self, record, files))
    assert evaluate(call, data, out) == 0
    assert 0 < len(added) < 5
    assert len((out / 'records.jsonl').read_bytes().splitlines()) == 6
    assert not unfinished(tmp_path)


def test_no_room_for_its_first_record(call, folders, tmp_path, capsys,
                                      monkeypatch):
    out = tmp_path / 'out'
    monkeypatch.setattr('pathlib.Path.mkdir', full_disk)
    assert evaluate(call, folders[1].parent, out) == 2
    one_line(capsys, f'{out}/run.lock: ', os.strerror(28))
    assert not out.exists()


def test_make_patches(call, folders, tmp_path, capsys):
    """The parts of a file go, too."""
    out = tmp_path / 'out'
    command = ('make_patches', out, *folders, '--size', 16, '--format', 'file')
    with file_limit(30_000), pytest.raises(SystemExit) as stop:
        run(*command)
    assert stop.value.code == 2
    told = capsys.readouterr().err.splitlines()[-1]
    assert f'{out}/patches.npy: ' in told
    assert f'{5 * 16 * 4 * 16**2 - 30_000} bytes are missing' in told
    assert not out.exists()
    assert run(*command) == 0
    assert len(PatchFileDataset(data_root=str(out), pipeline=[])) == 80
    assert sorted(path.name
                  for path in out.iterdir()) == ['patches.npy', 'patches.txt']


def test_a_training_on_a_full_disk(call, project, tmp_path, capsys,
                                   monkeypatch):
    """What mmengine writes itself is no traceback either."""
    monkeypatch.setattr('mmengine.mkdir_or_exist', full_disk)
    assert call('train.py', project / 'stage1.py', '--work-dir',
                tmp_path / 'out') == 2
    assert os.strerror(28) in one_line(capsys)


def test_a_history_bank_on_a_full_disk(call, project, tmp_path, capsys,
                                       monkeypatch):
    loss = dict(
        type='DynamicRefreshLoss', score='SSIM', pixel='l1',
        bank=dict(type='HistoryBank', memmap_dir=str(tmp_path / 'bank')))
    (project / 'bank.py').write_text(
        '_base_ = "./stage1.py"\n'
        f'model = dict(fusion_losses=dict(refresh={loss}))\n'
        'train_dataloader = dict(dataset=dict(pipeline=[\n'
        '    *_base_.load, *_base_.pack]))\n'
        'default_hooks = dict(bank=dict(type="HistoryBankHook"))\n')
    monkeypatch.setattr(os, 'posix_fallocate', full_disk)
    assert call('train.py', project / 'bank.py', '--work-dir',
                tmp_path / 'out') == 2
    one_line(capsys, f'{tmp_path}/bank/images.npy: ', ' bytes ')
    assert not list((tmp_path / 'bank').iterdir())
