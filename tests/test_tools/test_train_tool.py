"""Training in one and two stages, resuming, and what goes wrong."""
import json
import re
from pathlib import Path

import pytest
import torch
from mmengine.registry import RUNNERS
from mmengine.runner import Runner

from mmfusion.cli.legacy import UsageError
from tests.support.tiny_project import train_with


def weights(path):
    return torch.load(path, weights_only=False)['state_dict']


def same(path, other, prefix=''):
    mine, theirs = weights(path), weights(other)
    keys = [key for key in mine if key.startswith(prefix)]
    assert keys
    return all(torch.equal(mine[key], theirs[key]) for key in keys)


def test_missing_stage1_names_the_command_that_makes_it(project, call, capsys):
    work_dir = project.parents[1] / 'stage2'
    assert call('train.py', project / 'stage2.py', '--work-dir', work_dir) == 2
    text = capsys.readouterr().err
    assert '--two-stage' in text
    config, folder = re.search(r'python tools/train.py (\S+) --work-dir (\S+)',
                               text).groups()
    assert not work_dir.exists(), 'something was started'
    # the command really makes what is missing
    assert call('train.py', config, '--work-dir', folder) == 0
    assert call('train.py', project / 'stage2.py', '--work-dir', work_dir) == 0
    assert (work_dir / 'iter_2.pth').is_file()


def test_two_stages_in_one_command(project, capsys):
    root = project.parents[1]
    config = project / 'stage2.py'
    frozen = ['--cfg-options', 'model.fuser_frozen=True']
    train_with(config, '--two-stage', '--work-dir', root / 'w', *frozen)
    first, second = root / 'stage1' / 'iter_2.pth', root / 'w' / 'iter_2.pth'
    # the frozen fuser of stage 2 is that of stage 1
    assert same(first, second, 'fuser.')
    stamp = first.stat().st_mtime_ns
    capsys.readouterr()
    train_with(config, '--two-stage', '--work-dir', root / 'w', *frozen)
    assert first.stat().st_mtime_ns == stamp
    assert 'stage 1 is done' in capsys.readouterr().err


def test_options_of_stage1_and_a_checkpoint_it_does_not_write(project):
    with pytest.raises(UsageError, match=r"got \['iter_1.pth'\]"):
        train_with(project / 'stage2.py', '--two-stage', '--work-dir',
                   project / 'w', '--stage1-options', 'train_cfg.max_iters=1')


def test_another_stage1_checkpoint(project):
    root = project.parents[1]
    train_with(project / 'stage2.py', '--two-stage', '--work-dir', root / 'w',
               '--cfg-options',
               f'stage1_checkpoint={root / "other" / "iter_2.pth"}')
    assert (root / 'other' / 'iter_2.pth').is_file()
    assert not (root / 'stage1').exists()


def test_two_stages_of_a_config_with_one(project):
    with pytest.raises(UsageError, match='--two-stage needs'):
        train_with(project / 'stage1.py', '--two-stage')


def test_stage1_config_is_not_named(project):
    (project /
     'alone.py').write_text('_base_ = "./stage2.py"\nstage1_config = None\n')
    with pytest.raises(UsageError, match='expected stage1_config'):
        train_with(project / 'alone.py', '--two-stage')


def test_curves_go_to_each_stage_s_own_folder(project):
    named = [
        'visualizer.name=shared', 'default_hooks.logger.type=LoggerHook',
        'default_hooks.logger.interval=1'
    ]
    root = project.parents[1]
    train_with(project / 'stage2.py', '--two-stage', '--work-dir', root / 'w',
               '--cfg-options', *named, '--stage1-options', *named)
    terms = {}
    for stage in ('stage1', 'w'):
        file, = (root / stage).glob('*/vis_data/scalars.json')
        lines = [json.loads(line) for line in file.read_text().splitlines()]
        terms[stage] = {key for line in lines for key in line}
    assert 'segmentor.decode.loss_ce' in terms['w'] - terms['stage1']
    assert 'loss_average' in terms['stage1'] - terms['w']


def test_resume(trained, tmp_path):
    config = trained / 'configs' / 'fusers' / 'stage1.py'
    whole, parts = tmp_path / 'whole', tmp_path / 'parts'
    four = ['--cfg-options', 'train_cfg.max_iters=4']
    train_with(config, '--work-dir', whole, *four)
    train_with(config, '--work-dir', parts)
    assert (parts / 'last_checkpoint').read_text().endswith('iter_2.pth')
    train_with(config, '--work-dir', parts, '--resume', *four)
    assert (parts / 'last_checkpoint').read_text().endswith('iter_4.pth')
    assert torch.load(parts / 'iter_4.pth',
                      weights_only=False)['meta']['iter'] == 4
    assert {p.name for p in parts.glob('*.pth')
            } == {p.name for p in whole.glob('*.pth')}


def test_seed(trained, tmp_path):
    config = trained / 'configs' / 'fusers' / 'stage1.py'
    for name, seed in dict(a=1, b=1, c=2).items():
        train_with(config, '--work-dir', tmp_path / name, '--seed', seed)
    files = {name: tmp_path / name / 'iter_2.pth' for name in 'abc'}
    assert same(files['a'], files['b'])
    assert not same(files['a'], files['c'])


def test_no_workers(trained, tmp_path):
    """As who looks for a fault asks for, of a form that has some."""
    config = trained / 'configs' / 'fusers' / 'stage1.py'
    train_with(config, '--work-dir', tmp_path, '--cfg-options',
               'train_dataloader.num_workers=0',
               'train_dataloader.persistent_workers=True',
               'train_dataloader.prefetch_factor=4')
    assert (tmp_path / 'iter_2.pth').is_file()


def test_load_from_says_what_is_not_in_it(trained, tmp_path, capsys):
    config = trained / 'configs' / 'fusers' / 'stage2.py'
    train_with(config, '--work-dir', tmp_path, '--no-validate', '--load-from',
               trained / 'stage1' / 'iter_2.pth')
    assert 'the others are initialized' in capsys.readouterr().err


def test_load_from_with_nothing_that_fits(trained, tmp_path):
    torch.save(dict(state_dict=dict(a=torch.zeros(1))), tmp_path / 'a.pth')
    with pytest.raises(UsageError,
                       match="another model: 0 fit, and it has 1 such as 'a'"):
        train_with(trained / 'configs' / 'fusers' / 'stage1.py', '--work-dir',
                   tmp_path, '--load-from', tmp_path / 'a.pth')


def test_runner_type(trained, tmp_path, monkeypatch):
    used = []

    class CountingRunner(Runner):

        def train(self):
            used.append(True)

    RUNNERS.register_module(module=CountingRunner, force=True)
    train_with(trained / 'configs' / 'fusers' / 'stage1.py', '--work-dir',
               tmp_path, '--cfg-options', 'runner_type=CountingRunner')
    assert used == [True]


def test_user_errors_are_one_line(call, capsys, tmp_path):
    assert call('train.py', tmp_path / 'none.py') == 2
    text = capsys.readouterr().err
    assert text.startswith('error: Expected a config file')
    assert 'Traceback' not in text


def test_amp_without_a_gpu(trained, call, capsys, monkeypatch):
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: False)
    config = Path(trained, 'configs', 'fusers', 'stage1.py')
    assert call('train.py', config, '--amp') == 2
    assert 'leave --amp out' in capsys.readouterr().err
