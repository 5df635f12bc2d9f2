"""A signal ends a training behind a checkpoint, wherever it is."""
import signal
from copy import deepcopy

import pytest
import torch
from mmengine.config import Config

from mmfusion.apis import train
from mmfusion.utils.interruption import Interrupted
from tests.support.tiny_project import make_project
from tests.support.train_worker import DieAt  # noqa: F401  (registered)


@pytest.fixture
def run(tmp_path):
    """``run(name, options, ...)``: train; give the work dir."""
    configs = make_project(tmp_path)

    def start(name, options, stage='stage1', stopped=True, **kwargs):
        cfg = Config.fromfile(configs / f'{stage}.py')
        cfg.stage1_checkpoint = None
        if stage == 'stage2':
            cfg.model.fuser.init_cfg = None
        cfg.merge_from_dict(deepcopy({'randomness': dict(seed=0), **options}))
        folder = tmp_path / name
        if not stopped:
            train(cfg, folder, **kwargs)
            return folder
        with pytest.raises(Interrupted) as error:
            train(cfg, folder, **kwargs)
        start.told = str(error.value)
        return folder

    return start


def stop(iteration, where='after_train_iter'):
    return dict(type='DieAt', iteration=iteration, where=where,
                number=signal.SIGTERM)


def test_within_a_validation(run):
    """As the schedule would have saved it, averaged weights included."""
    ema = dict(type='EMAHook', momentum=0.5)
    expected = run('scheduled', dict(custom_hooks=[ema]), 'stage2',
                   stopped=False)
    folder = run(
        'stopped', {
            'custom_hooks': [ema, stop(2, 'after_val_iter')],
            'train_cfg.max_iters': 4,
            'default_hooks.checkpoint.interval': 100
        }, 'stage2')
    assert str(folder / 'iter_2.pth') in run.told
    saved, other = (torch.load(path / 'iter_2.pth', weights_only=False)
                    for path in (folder, expected))
    assert saved['meta']['iter'] == 2
    for key in ('state_dict', 'ema_state_dict'):
        assert saved[key].keys() == other[key].keys()
        for name, value in saved[key].items():
            torch.testing.assert_close(value, other[key][name])


def test_by_epochs(run):
    """The epoch begins again; the iterations are counted on."""
    options = {
        'train_cfg': dict(_delete_=True, type='EpochBasedTrainLoop',
                          max_epochs=2),
        'train_dataloader.sampler.type': 'DefaultSampler',
        'train_dataloader.batch_size': 1,
        'default_hooks.checkpoint.by_epoch': True,
        'default_hooks.checkpoint.interval': 1
    }
    folder = run('stopped', {**options, 'custom_hooks': [stop(4)]})
    assert (folder / 'last_checkpoint').read_text().endswith('iter_4.pth')
    run('stopped', options, stopped=False, resume=True)
    last = torch.load(folder / 'epoch_2.pth', weights_only=False)
    assert last['meta'] | dict(epoch=2, iter=7) == last['meta']


def test_without_checkpoints(run):
    folder = run('stopped', {
        'custom_hooks': [stop(1)],
        'default_hooks.checkpoint': None
    })
    assert 'nothing is saved' in run.told
    assert not list(folder.glob('*.pth'))


def test_at_the_very_end(run):
    """It is complete, and says so."""
    run('stopped', {'custom_hooks': [stop(2)]})
    assert 'iter_2.pth' in run.told
