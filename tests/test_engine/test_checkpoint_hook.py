"""A kill at any moment leaves a whole checkpoint."""
from pathlib import Path

import mmengine
import pytest
import torch
from mmengine.fileio import LocalBackend, get_file_backend
from mmengine.hooks import CheckpointHook as Parent
from mmengine.runner import Runner

from mmfusion.apis import train
from mmfusion.engine.hooks import CheckpointHook
from mmfusion.registry import HOOKS
from mmfusion.utils.checkpoint import read_checkpoint
from tests.support.tiny_project import make_project


class Killed(Exception):
    """In the place of a signal."""


def kill_at(monkeypatch, moment):
    """Die when the ``moment``-th file is half written."""
    plain, count = LocalBackend.put, [0]

    def put(self, obj, filepath):
        count[0] += 1
        if count[0] < moment:
            return plain(self, obj, filepath)
        Path(filepath).write_bytes(obj[:len(obj) // 2])
        raise Killed

    monkeypatch.setattr(LocalBackend, 'put', put)


def run(config, work, **options):
    return train(
        config,
        work,
        cfg_options={
            'train_cfg.max_iters': 3,
            # runs of one second would share what is kept
            'experiment_name': config.parents[2].name,
            'default_hooks.checkpoint.interval': 1,
            **{
                f'default_hooks.checkpoint.{k}': v for k, v in options.items()
            }
        })


def test_it_takes_the_place_of_mmengines():
    hook = HOOKS.build(dict(type='CheckpointHook', interval=1))
    assert isinstance(hook, CheckpointHook) and isinstance(hook, Parent)
    assert isinstance(get_file_backend('a.pth'), LocalBackend)
    assert type(get_file_backend('a.pth')).__name__ == 'FinishedFileBackend'


@pytest.mark.parametrize('keep', [-1, 1])
def test_a_kill_while_writing(tmp_path, monkeypatch, keep):
    config, work = make_project(tmp_path) / 'stage1.py', tmp_path / 'work'
    with monkeypatch.context() as patch:
        kill_at(patch, 2)
        with pytest.raises(Killed):
            run(config, work, max_keep_ckpts=keep)
    assert {path.name for path in work.glob('[!.]*.pth')} == {'iter_1.pth'}
    assert (work / 'last_checkpoint').read_text().endswith('iter_1.pth')
    assert read_checkpoint(work / 'iter_1.pth')['meta']['iter'] == 1


def test_the_oldest_goes_last(tmp_path):
    config, work = make_project(tmp_path) / 'stage1.py', tmp_path / 'work'
    run(config, work, max_keep_ckpts=2)
    assert {path.name
            for path in work.glob('*.pth')} == {'iter_2.pth', 'iter_3.pth'}
    assert read_checkpoint(
        work /
        'iter_3.pth')['message_hub']['runtime_info']['keep_ckpt_ids'] == [
            2, 3
        ]


@pytest.fixture
def runner(tmp_path):
    """Saves, and has nothing else of one."""

    class Fake:
        work_dir = str(tmp_path / 'work')
        logger = mmengine.logging.MMLogger.get_instance('fake')
        message_hub = mmengine.logging.MessageHub('fake')
        iter, epoch = 0, 0

        def save_checkpoint(self, out_dir, filename, *args, **kwargs):
            mmengine.runner.save_checkpoint(dict(iter=self.iter),
                                            str(Path(out_dir, filename)))

    assert Runner.save_checkpoint
    return Fake()


@pytest.fixture
def hook():
    return HOOKS.build(
        dict(type='CheckpointHook', interval=1, by_epoch=False,
             save_best='score', rule='greater'))


def names(runner):
    return sorted(path.name for path in Path(runner.work_dir).glob('*.pth'))


def test_the_best_goes_when_a_better_one_is_there(runner, hook, monkeypatch):
    hook.before_train(runner)
    runner.iter = 1
    hook._save_best_checkpoint(runner, dict(score=1.))
    assert names(runner) == ['best_score_iter_1.pth']
    runner.iter = 2
    with monkeypatch.context() as patch:
        kill_at(patch, 1)
        with pytest.raises(Killed):
            hook._save_best_checkpoint(runner, dict(score=2.))
    assert 'best_score_iter_1.pth' in names(runner)
    runner.message_hub.update_info('best_score', 1.)
    hook.best_ckpt_path = str(Path(runner.work_dir, 'best_score_iter_1.pth'))
    hook._save_best_checkpoint(runner, dict(score=2.))
    assert [name for name in names(runner)
            if name[0] != '.'] == ['best_score_iter_2.pth']
    # the same name again, as after a resume
    hook._save_best_checkpoint(runner, dict(score=3.))
    assert 'best_score_iter_2.pth' in names(runner)


def test_names_in_a_checkpoint_remove_nothing_elsewhere(
        runner, hook, tmp_path):
    other = tmp_path / 'other'
    other.mkdir()
    for name in ('best.pth', 'iter_1.pth'):
        torch.save({}, other / name)
    for path in (other / 'best.pth', other):
        runner.message_hub.update_info('best_ckpt', str(path))
        runner.message_hub.update_info('best_score', 0.)
        runner.message_hub.update_info('keep_ckpt_ids',
                                       ['/../../other/iter_1', 1])
        hook.max_keep_ckpts = 1
        hook.before_train(runner)
        assert list(hook.keep_ckpt_ids) == [1]
        hook._save_best_checkpoint(runner, dict(score=1.))
        hook.out_dir = None
    assert len(list(other.iterdir())) == 2
