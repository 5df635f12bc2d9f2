"""Tools as processes, and the launch scripts with stubbed launchers."""
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import campaign_cases

ROOT = Path(__file__).resolve().parents[2]
TOOLS = ROOT / 'tools'
SCRIPTS = sorted(TOOLS.glob('*.sh'))
PROGRAMS = [
    'train.py', 'test.py', 'test_fusion.py', 'misc/print_config.py',
    'analysis_tools/browse_dataset.py', 'analysis_tools/get_flops.py',
    'analysis_tools/benchmark.py', 'analysis_tools/fused_mean_std.py'
]


def start(*command, cwd, **environ):
    environ = {**os.environ, 'PYTHONPATH': str(ROOT), **environ}
    return subprocess.run(list(map(str, command)), cwd=cwd, env=environ,
                          capture_output=True, text=True)


@pytest.mark.parametrize('program', PROGRAMS)
def test_help_and_missing_config_from_any_folder(program, tmp_path):
    done = start(sys.executable, TOOLS / program, '--help', cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert 'config' in done.stdout
    flags = ['none.py']
    if program in ('test.py', 'test_fusion.py') or 'mean_std' in program:
        flags.append('none.pth')
    if 'browse' in program:
        flags += ['--output-dir', 'out']
    done = start(sys.executable, TOOLS / program, *flags, cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith(
        'error: Expected a config file, got \'none.py\'')
    assert 'Traceback' not in done.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize('old, today', [('train_fuser', 'train'),
                                        ('train_fuser_segmenter', 'train'),
                                        ('test_fuser_segmenter', 'test')])
def test_names_of_bffr(old, today):
    done = start(sys.executable, f'tools/{old}.py', 'my config.py', '--eval',
                 cwd=ROOT)
    assert done.returncode == 2
    assert done.stderr.splitlines()[:2] == [
        f'error: {old}.py is {today}.py here. Run:',
        f"  python tools/{today}.py 'my config.py' --eval"
    ]


def test_fusing_from_another_folder(trained, tmp_path):
    done = start(sys.executable, TOOLS / 'test_fusion.py',
                 trained / 'configs' / 'fusers' / 'stage1.py',
                 trained / 'stage1' / 'iter_2.pth', '--gpu-id', 0, '--device',
                 'cpu', cwd=tmp_path, OMP_NUM_THREADS='1')
    assert done.returncode == 0, done.stderr
    assert 'note: --gpu-id is a legacy flag' in done.stderr
    result = tmp_path / 'work_dirs' / 'stage1' / 'test_result'
    assert len(list(result.iterdir())) == 3


@pytest.fixture
def stubs(tmp_path):
    """A PATH whose launchers print their arguments, one a line."""
    folder = tmp_path / 'bin'
    folder.mkdir()
    for name in ('torchrun', 'srun'):
        stub = folder / name
        stub.write_text('#!/bin/sh\nprintf "%s\\n" "$0" "$@"\n')
        stub.chmod(0o755)
    return f'{folder}:{os.environ["PATH"]}'


def launched(script, *flags, cwd, path, **environ):
    done = start(TOOLS / script, *flags, cwd=cwd, PATH=path, **environ)
    assert done.returncode == 0, done.stderr
    name, *words = done.stdout.splitlines()
    return Path(name).name, words


@pytest.mark.parametrize('script', SCRIPTS, ids=lambda path: path.name)
def test_syntax_usage_and_mode(script, tmp_path):
    assert subprocess.run(['bash', '-n', script]).returncode == 0
    assert os.access(script, os.X_OK)
    done = start(script, 'only_one', cwd=tmp_path)
    assert done.returncode == 2 and 'usage:' in done.stderr


def test_dist_train(stubs, tmp_path):
    launcher, words = launched('dist_train.sh', 'c.py', 4, '--amp',
                               '--work-dir', 'a b', cwd=tmp_path, path=stubs)
    assert launcher == 'torchrun'
    assert words == [
        '--nnodes=1', '--node_rank=0', '--master_addr=127.0.0.1',
        '--master_port=29500', '--nproc_per_node=4', f'{TOOLS}/train.py',
        'c.py', '--launcher', 'pytorch', '--amp', '--work-dir', 'a b'
    ]


def test_dist_test_on_several_machines(stubs, tmp_path):
    launcher, words = launched('dist_test.sh', 'c.py', 'p.pth', 8, '--tta',
                               cwd=tmp_path, path=stubs, NNODES='2',
                               NODE_RANK='1', MASTER_ADDR='10.0.0.1',
                               PORT='1234')
    assert launcher == 'torchrun'
    assert words == [
        '--nnodes=2', '--node_rank=1', '--master_addr=10.0.0.1',
        '--master_port=1234', '--nproc_per_node=8', f'{TOOLS}/test.py', 'c.py',
        'p.pth', '--launcher', 'pytorch', '--tta'
    ]


@pytest.mark.parametrize('script, arguments', [
    ('slurm_train.sh', ['c.py']),
    ('slurm_test.sh', ['c.py', 'p.pth']),
])
def test_slurm(stubs, tmp_path, script, arguments):
    launcher, words = launched(script, 'part', 'job', *arguments, '--work-dir',
                               'w', cwd=tmp_path, path=stubs, GPUS='16',
                               SRUN_ARGS='--exclusive --time=1')
    program = script.replace('slurm_', '').replace('.sh', '.py')
    assert launcher == 'srun'
    assert words == [
        '-p', 'part', '--job-name=job', '--gres=gpu:8', '--ntasks=16',
        '--ntasks-per-node=8', '--cpus-per-task=5', '--kill-on-bad-exit=1',
        '--signal=TERM@120', '--exclusive', '--time=1', 'python', '-u',
        f'{TOOLS}/{program}', *arguments, '--launcher', 'slurm', '--work-dir',
        'w'
    ]


def test_slurm_with_few_gpus(stubs, tmp_path):
    _, words = launched('slurm_train.sh', 'part', 'job', 'c.py', cwd=tmp_path,
                        path=stubs, GPUS='2')
    assert '--gres=gpu:2' in words and '--ntasks-per-node=2' in words


@pytest.fixture
def preempted(tmp_path):
    """``preempted(flags, ...)``: what is run if slurm ends the first job."""
    folder = tmp_path / 'slurm'
    folder.mkdir()
    for name in ('srun', 'scontrol'):
        stub = folder / name
        stub.write_text(f'''#!/bin/sh
echo {name} "$@" >> calls
[ {name} = scontrol ] || [ "$(grep -c srun calls)" -gt 1 ] || exit 143
''')
        stub.chmod(0o755)

    def run(script, *flags, **environ):
        done = start(TOOLS / script, 'part', 'job', 'c.py', *flags,
                     cwd=tmp_path, PATH=f'{folder}:{os.environ["PATH"]}',
                     **environ)
        calls = (tmp_path / 'calls').read_text().splitlines()
        (tmp_path / 'calls').unlink()
        return done, calls

    return run


def test_slurm_queues_a_training_again(preempted):
    done, (first, second) = preempted('slurm_train.sh', '--work-dir', 'w')
    assert done.returncode == 0
    assert 'job was ended by SIGTERM and is queued again' in done.stderr
    assert first.endswith('c.py --launcher slurm --work-dir w')
    assert second == f'{first} --resume'
    # nothing is given twice
    _, (first, second) = preempted('slurm_train.sh', '--resume')
    assert first == second


def test_slurm_queues_a_batch_job_again(preempted):
    done, calls = preempted('slurm_train.sh', SLURM_JOB_ID='7')
    assert done.returncode == 0 and calls[1] == 'scontrol requeue 7'
    _, calls = preempted('slurm_train.sh', SLURM_JOB_ID='7',
                         SLURM_RESTART_COUNT='1')
    assert calls[0].endswith('--resume')


def test_slurm_does_not_queue_again(preempted):
    """A test, or where it is not wanted."""
    for script, environ in (('slurm_test.sh', {}), ('slurm_train.sh',
                                                    dict(REQUEUE='0'))):
        done, calls = preempted(script, 'c.pth', **environ)
        assert done.returncode == 143 and len(calls) == 1


def test_the_campaign_kills_every_tool(tmp_path):
    (tmp_path / 'llvip').mkdir()
    commands = campaign_cases.commands(tmp_path, tmp_path / 'out')
    assert set(commands) == campaign_cases.all_tools()
