"""Signals end every tool in one line, and nothing is half-written."""
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mmfusion.cli.legacy import run
from mmfusion.utils.interruption import Interrupted, stop_request
from tests.support import signal_cases
from tests.support.fresh_processes import run_fresh

ROOT = Path(__file__).resolve().parents[2]
# but those that only say the name of another
TOOLS = [
    path for folder in ('tools', 'demo')
    for path in sorted((ROOT / folder).rglob('*.py'))
    if "if __name__ == '__main__':" in (text := path.read_text(
        encoding='utf-8')) and 'renamed(' not in text
]
SIGNALS = [signal.SIGINT, signal.SIGTERM]


@pytest.mark.parametrize('tool', TOOLS, ids=lambda path: path.stem)
def test_every_tool_ends_in_one_line(tool, tmp_path):
    number = SIGNALS[TOOLS.index(tool) % 2]
    assert run_fresh(signal_cases.signal_to_tool, tool, number, tmp_path,
                     log=tmp_path) == [128 + number]
    line, = (tmp_path / 'stderr').read_text().splitlines()
    assert line.startswith(f'stopped by {number.name}: ')
    assert 'To go on, ' in line


@pytest.mark.parametrize('number', SIGNALS)
def test_a_tool_that_still_imports(number, tmp_path):
    """No traceback of an interrupted import."""
    (tmp_path / 'mmengine').mkdir()
    (tmp_path / 'mmengine' / '__init__.py').write_text(
        f'import os, time\nos.kill(os.getpid(), {int(number)})\n'
        'time.sleep(60)')
    done = subprocess.run(
        [sys.executable, ROOT / 'tools/train.py', 'config.py'], text=True,
        capture_output=True, env={
            **os.environ, 'PYTHONPATH': f'{tmp_path}:{ROOT}'
        })
    assert done.returncode == 128 + number
    line, = done.stderr.splitlines()
    assert line.startswith(f'stopped by {number.name}: ')


@pytest.mark.parametrize('number', SIGNALS)
def test_nothing_is_left_behind(number, tmp_path):
    """No part file, claim or process; what was printed is there."""
    folder = tmp_path / 'work'
    assert run_fresh(signal_cases.signal_amid_work, number, folder,
                     log=tmp_path / 'log') == [128 + number]
    worker = int((folder / 'pid').read_text())
    assert sorted(path.name
                  for path in folder.iterdir()) == ['pid', 'stderr', 'stdout']
    assert (folder / 'stdout').read_text() == 'a result\n'
    last = (folder / 'stderr').read_text().splitlines()[-1]
    assert last.startswith(f'stopped by {number.name}: ')
    with pytest.raises(ProcessLookupError):
        os.kill(worker, 0)


@pytest.fixture
def noted():
    """Signals are noted instead of acted upon."""
    received = []
    before = {
        number: signal.signal(number, lambda n, _: received.append(n))
        for number in SIGNALS
    }
    yield received
    for number, handler in before.items():
        signal.signal(number, handler)


def send(number):
    os.kill(os.getpid(), number)


def test_a_request_is_a_flag(noted):
    with stop_request() as request:
        assert not request
        send(signal.SIGTERM)
        assert request
        send(signal.SIGINT)
        send(signal.SIGINT)
    assert not noted
    send(signal.SIGINT)
    assert noted == [signal.SIGINT]


def test_a_second_ctrl_c_acts_as_before(noted):
    with stop_request(hurried=True) as request:
        request.armed = False
        send(signal.SIGTERM)
        assert noted == [signal.SIGTERM] and not request
        request.armed = True
        send(signal.SIGINT)
        send(signal.SIGTERM)  # launchers send both
        assert noted == [signal.SIGTERM] and request
        send(signal.SIGINT)
        assert noted == [signal.SIGTERM, signal.SIGINT]


@pytest.mark.usefixtures('noted')
def test_long_work_is_broken_off(capsys):

    def main():
        with stop_request() as request:
            try:
                with request.breaking_off():
                    send(signal.SIGTERM)
                    time.sleep(60)
            except Interrupted:
                with request.breaking_off():
                    send(signal.SIGINT)
        raise Interrupted('saved. To go on, think.')

    assert run(main) == 143
    assert capsys.readouterr().err == (
        'stopped by SIGTERM: saved. To go on, think.\n')


def test_an_interrupt_without_a_signal(capsys):

    def main():
        raise KeyboardInterrupt

    assert run(main) >= 128
    line, = capsys.readouterr().err.splitlines()
    assert 'To go on, ' in line
