"""Which checkpoint a training goes on from."""
import os
import shutil

import pytest
import torch
from mmengine.config import Config

from mmfusion.apis import train
from mmfusion.apis.resuming import (NothingToResume, check_resumable,
                                    latest_checkpoint)
from mmfusion.apis.two_stage import ensure_stage1
from mmfusion.utils.errors import UsageError
from tests.support.payloads import evil_checkpoint
from tests.support.tiny_project import make_project


def save(folder, *numbers, name='iter'):
    folder.mkdir(exist_ok=True)
    for number in numbers:
        path = folder / f'{name}_{number}.pth'
        torch.save(
            dict(meta=dict(epoch=0, iter=number), state_dict={},
                 message_hub={}), path)
        os.utime(path, (number, number))


def point(folder, name):
    (folder / 'last_checkpoint').write_text(str(name))


def cut(path):
    path.write_bytes(path.read_bytes()[:-50])


def found(folder):
    path, notes = latest_checkpoint(folder)
    return path and os.path.basename(path), notes


def test_the_named_one(tmp_path):
    save(tmp_path, 2, 4, 6)
    point(tmp_path, tmp_path / 'iter_4.pth')
    assert found(tmp_path) == ('iter_4.pth', [])


def test_nothing_yet(tmp_path):
    assert latest_checkpoint(tmp_path) == (None, [])
    assert latest_checkpoint(tmp_path / 'none') == (None, [])


@pytest.mark.parametrize('harm', [
    cut, lambda path: path.write_bytes(b''),
    lambda path: path.write_bytes(bytes(5000))
], ids=['cut', 'empty', 'zeros'])
def test_a_broken_one_gives_way_to_the_one_before(tmp_path, harm):
    save(tmp_path, 2, 4, 6, 100)  # 100: of an older, longer run
    save(tmp_path, 5, name='best_score_iter')
    for number in (6, 4):
        harm(tmp_path / f'iter_{number}.pth')
    point(tmp_path, tmp_path / 'iter_6.pth')
    name, (line, ) = found(tmp_path)
    assert name == 'iter_2.pth'
    assert 'iter_6.pth' in line and 'Going on from' in line
    assert '\n' not in line


def test_a_moved_folder(tmp_path):
    save(tmp_path / 'old', 2, 4)
    point(tmp_path / 'old', tmp_path / 'old/iter_4.pth')
    shutil.move(tmp_path / 'old', tmp_path / 'new')
    name, (line, ) = found(tmp_path / 'new')
    assert name == 'iter_4.pth' and 'which does not exist' in line
    (tmp_path / 'new/iter_4.pth').unlink()
    assert found(tmp_path / 'new')[0] == 'iter_2.pth'


@pytest.mark.parametrize('text, words', [('', 'is empty'), (' \n', 'is empty'),
                                         ('gone/iter_6.pth', 'iter_6.pth'),
                                         ('\0' * 30, 'does not exist'),
                                         ('x' * 9000, 'does not exist')])
def test_a_pointer_to_nothing(tmp_path, text, words):
    point(tmp_path, text)
    with pytest.raises(NothingToResume, match='--resume PATH') as error:
        latest_checkpoint(tmp_path)
    assert words in str(error.value) and '\n' not in str(error.value)
    save(tmp_path, 2, 4)
    name, (line, ) = found(tmp_path)
    assert name == 'iter_4.pth' and words in line


def test_killed_before_the_first_pointer(tmp_path):
    save(tmp_path, 2)
    name, (line, ) = found(tmp_path)
    assert name == 'iter_2.pth' and 'does not exist' in line
    cut(tmp_path / 'iter_2.pth')
    assert latest_checkpoint(tmp_path) == (None, [])


def test_all_are_broken(tmp_path):
    save(tmp_path, 2)
    cut(tmp_path / 'iter_2.pth')
    point(tmp_path, tmp_path / 'iter_2.pth')
    with pytest.raises(NothingToResume, match='start anew'):
        latest_checkpoint(tmp_path)


def test_weights_alone_are_not_resumed(tmp_path):
    save(tmp_path, 2)
    torch.save(dict(state_dict={}), tmp_path / 'iter_4.pth')
    with pytest.raises(ValueError, match='--load-from'):
        check_resumable(tmp_path / 'iter_4.pth')
    assert found(tmp_path)[0] == 'iter_2.pth'
    point(tmp_path, tmp_path / 'iter_4.pth')
    with pytest.raises(UsageError, match='--load-from'):
        latest_checkpoint(tmp_path)


def test_payloads_are_told_not_passed_over(tmp_path):
    save(tmp_path, 2)
    point(tmp_path, evil_checkpoint(tmp_path / 'iter_4.pth', tmp_path / 'x'))
    with pytest.raises(UsageError, match='sandbox'):
        latest_checkpoint(tmp_path)


def test_training_goes_on_from_the_one_before(tmp_path, capsys):
    config, work = make_project(tmp_path) / 'stage1.py', tmp_path / 'work'
    often = {'default_hooks.checkpoint.interval': 1}
    train(config, work, cfg_options=often)
    cut(work / 'iter_2.pth')
    runner = train(config, work, cfg_options=dict(often, resume=True))
    assert 'Going on from' in capsys.readouterr().err
    check_resumable(work / 'iter_2.pth')
    bare = tmp_path / 'bare.pth'
    torch.save(dict(state_dict=runner.model.state_dict()), bare)
    with pytest.raises(UsageError, match='--load-from instead'):
        train(config, work, resume=bare)


def test_half_a_first_stage_is_not_done(tmp_path, capsys):
    configs = make_project(tmp_path)
    first, whole = tmp_path / 'stage1/iter_2.pth', tmp_path / 'whole.pth'
    train(configs / 'stage1.py', first.parent)
    shutil.copy(first, whole)
    cfg = Config.fromfile(configs / 'stage2.py')
    assert 'is done' in ensure_stage1(cfg, True, None)[0]
    cut(first)
    with pytest.raises(UsageError, match='is damaged'):
        train(configs / 'stage2.py', tmp_path / 'work')
    line, = ensure_stage1(cfg, True,
                          lambda config, folder: shutil.copy(whole, first))
    assert line.startswith('stage 1 wrote')
    cut(first)
    assert train(configs / 'stage2.py', tmp_path / 'work', two_stage=True,
                 resume=True).iter == 2
    assert 'stage 1 makes it again' in capsys.readouterr().err
    check_resumable(first)
