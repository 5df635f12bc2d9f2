"""The demo's runner: order, resumption, failures, and its command lines."""
import time
from pathlib import Path

import pytest
import run_demo
from steps import ROOT, Step, dependents, progress, run_steps

from mmfusion.utils.config_file import load_config


@pytest.fixture
def script(tmp_path):
    """A command that appends a word to a file, or fails."""
    file = tmp_path / 'scripts' / 'work.py'
    file.parent.mkdir()
    file.write_text('import sys, os\n'
                    'print("reading", os.environ.get("MMFUSION_DEMO"))\n'
                    'if sys.argv[1] == "fail": sys.exit("no such thing")\n'
                    'if sys.argv[2] != "none":\n'
                    '    open(sys.argv[2], "a").write(sys.argv[1] + "\\n")\n')
    return file


def make(script, folder, words):
    return [
        Step(f'step{k}', f'Step {k}', (script, word, folder / f'out{k}'),
             [folder / f'out{k}'], [f'step{k - 1}'] if k else [])
        for k, word in enumerate(words)
    ]


def test_finished_steps_are_skipped(script, tmp_path):
    folder = tmp_path / 'demo'
    said = []
    steps = make(script, folder, 'ab')
    records = run_steps(steps, folder, dict(MMFUSION_DEMO='x y'),
                        say=said.append)
    assert list(records) == ['step0', 'step1']
    assert 'work.py b' in records['step1']['command']
    assert any("MMFUSION_DEMO='x y' python" in line for line in said)
    assert 'x y' in (folder / 'logs' / 'step0.log').read_text()
    run_steps(steps, folder, {}, say=said.append)
    assert sum('--fresh' in line for line in said) == 2
    assert (folder / 'out1').read_text() == 'b\n'


def test_what_follows_a_change_runs_again(script, tmp_path):
    folder = tmp_path / 'demo'
    run_steps(make(script, folder, 'abc'), folder, {}, say=str)
    run_steps(make(script, folder, 'aBc'), folder, {}, say=str)
    assert [(folder / f'out{k}').read_text()
            for k in range(3)] == ['a\n', 'b\nB\n', 'c\nc\n']
    (folder / 'out1').unlink()
    run_steps(make(script, folder, 'aBc'), folder, {}, say=str)
    assert (folder / 'out2').read_text() == 'c\nc\nc\n'
    script.write_text(script.read_text() + '# a change\n')
    run_steps(make(script, folder, 'aBc'), folder, {}, say=str)
    assert (folder / 'out0').read_text() == 'a\na\n'


def test_a_failure_stops_with_the_end_of_the_log(script, tmp_path):
    folder = tmp_path / 'demo'
    steps = make(script, folder, ['a', 'fail', 'c'])
    with pytest.raises(RuntimeError) as error:
        run_steps(steps, folder, {}, say=str)
    for part in ('Step 1 failed (exit status 1)', 'work.py fail', 'step1.log',
                 'no such thing'):
        assert part in str(error.value)
    assert not (folder / 'out2').exists()
    run_steps(make(script, folder, 'abc'), folder, {}, say=str)
    assert (folder / 'out0').read_text() == 'a\n'


def test_steps_run_side_by_side_but_after_what_they_need(tmp_path):
    """Each of two steps waits for the other's file; a third needs both."""
    script = tmp_path / 'meet.py'
    script.write_text(
        'import sys, time, pathlib\n'
        'mine, others = sys.argv[1], sys.argv[2:]\n'
        'pathlib.Path(mine).touch()\n'
        'for _ in range(100):\n'
        '    if all(pathlib.Path(file).exists() for file in others): break\n'
        '    time.sleep(0.1)\n'
        'else: sys.exit("alone")\n')
    files = [tmp_path / name for name in 'abc']
    steps = [
        Step('a', 'A', (script, files[0], files[1]), files[:1]),
        Step('b', 'B', (script, files[1], files[0]), files[1:2]),
        Step('c', 'C', (script, files[2]), files[2:], ['a', 'b'])
    ]
    records = run_steps(steps, tmp_path / 'demo', {}, 2, str)
    assert list(records) == ['a', 'b', 'c'] or list(records) == ['b', 'a', 'c']


def test_progress_is_told_without_a_terminal(tmp_path, monkeypatch):
    monkeypatch.setattr('steps._PAUSE', 0.1)
    script = tmp_path / 'train.py'
    script.write_text('import time\n'
                      'print("Iter(train) [2/4]  loss: 1.5", flush=True)\n'
                      'time.sleep(1)\n')
    said = []
    run_steps([Step('train', 'Train', (script, ), [])], tmp_path / 'demo', {},
              say=said.append)
    assert any('train' in line and '2/4, loss 1.5' in line for line in said)


def test_a_failure_stops_the_others(tmp_path, script):
    sleeper = tmp_path / 'sleep.py'
    sleeper.write_text('import time; time.sleep(60)')
    steps = [
        Step('slow', 'Slow', (sleeper, ), []),
        Step('bad', 'Bad', (script, 'fail'), [])
    ]
    start = time.monotonic()
    with pytest.raises(RuntimeError, match='Bad failed'):
        run_steps(steps, tmp_path / 'demo', {}, 2, str)
    assert time.monotonic() - start < 30


def test_dependents_are_found_through_others():
    steps = run_demo.all_steps(Path('work_dirs/demo'), None, 0)
    names = [step.name for step in steps]
    assert set(dependents(steps, 'data')) == set(names)
    assert dependents(steps,
                      'train_visible') == ['train_visible', 'score_visible']
    for number, step in enumerate(steps):
        assert set(step.after) <= set(names[:number])


def test_a_missing_output_is_a_failure(script, tmp_path):
    step = Step('s', 'Silent', (script, 'a', 'none'), [tmp_path / 'made'])
    with pytest.raises(RuntimeError, match='did not write .*made'):
        run_steps([step], tmp_path / 'demo', {}, say=str)


@pytest.mark.parametrize('text, expected', [
    ('Iter(train) [ 20/160]  base_lr: 1\nIter(train) [ 40/160]', '40/160'),
    ('Iter(train) [ 80/160]\nIter(val) [10/40]', '10/40'),
    ('Iter(val) [40/40]\nIter(train) [100/160]', '100/160'),
    ('[>>  ] 3/240, 4.0 task/s\r[>>> ] 4/240, 4.0 task/s', '4/240'),
    ('nothing', ''),
    ('Iter(train) [ 20/160]  base_lr: 1 lr: 3e-05  eta: 0:01:18  time: 0.9 '
     'grad_norm: 1.4767  loss: 0.56712  fusion.loss_intensity: 0.0236\n',
     '20/160, loss 0.567, 01:18 left'),
    ('Iter(train) [160/160]  eta: 0:00:00  loss: 2.0', '160/160, loss 2'),
])
def test_progress(text, expected):
    assert progress(text) == expected


@pytest.mark.parametrize('real', [None, Path('/pairs')])
@pytest.mark.parametrize('length', ['short', 'full'])
def test_commands_name_what_exists(real, length):
    folder = Path('work_dirs/demo')
    steps = [
        *run_demo.first_steps(folder),
        *run_demo.all_steps(folder, real, 3, length)
    ]
    if length == 'short':
        assert not any('frozen' in step.name for step in steps)
    names = [step.name for step in steps]
    assert len(set(names)) == len(names)
    for step in steps:
        files = [arg for arg in step.arguments if str(arg).endswith('.py')]
        assert files and all((ROOT / file).is_file() for file in files)
    train = next(step for step in steps if step.name == 'train_joint')
    chosen = 'length=short ' * (length == 'short')
    assert train.command.endswith(f'--cfg-options {chosen}randomness.seed=3')


@pytest.mark.parametrize('length', ['short', 'full'])
def test_checkpoints_are_those_that_the_configs_write(monkeypatch, length):
    monkeypatch.delenv('MMFUSION_DEMO', raising=False)
    configs = dict(
        stage1=load_config(ROOT / run_demo.config_of('stage1')),
        joint=load_config(ROOT / run_demo.config_of('joint'),
                          dict(length=length)))
    assert configs['joint'].param_scheduler[1].end == (
        configs['joint'].train_cfg.max_iters)
    steps = run_demo.all_steps(Path('work_dirs/demo'), None, 0)
    stage1 = next(step for step in steps if step.name == 'train_stage1')
    assert str(stage1.outputs[0]) == configs['joint'].stage1_checkpoint
    for name, cfg in configs.items():
        file = (run_demo.STAGE1
                if name == 'stage1' else run_demo.STAGE2[length])
        assert file == f'iter_{cfg.train_cfg.max_iters}.pth'


def test_budgets_are_equal(monkeypatch):
    """The four trainings differ in nothing but the fuser."""
    monkeypatch.delenv('MMFUSION_DEMO', raising=False)
    configs = [
        load_config(ROOT / run_demo.config_of(run),
                    dict(variant=run)).to_dict() for run in run_demo.RUNS
    ]
    for cfg in configs:
        for key in ('fuser', 'fuser_frozen', 'fusion_losses'):
            cfg['model'].pop(key, None)
        for key in ('stage1_config', 'stage1_checkpoint', 'variant',
                    'run_name'):
            cfg.pop(key)
    assert all(cfg == configs[0] for cfg in configs)


def test_find_data(tmp_path, monkeypatch):
    monkeypatch.setenv('MMFUSION_DATA', str(tmp_path))
    assert run_demo.find_data('auto') is None
    for split in ('train', 'val'):
        (tmp_path / 'seg_msrs9' / split).mkdir(parents=True)
    assert run_demo.find_data('auto') == tmp_path / 'seg_msrs9'
    assert run_demo.find_data('synthetic') is None
    assert run_demo.find_data(str(tmp_path / 'seg_msrs9')).is_dir()
    with pytest.raises(FileNotFoundError, match='train'):
        run_demo.find_data(str(tmp_path))
