"""One run at a time in a folder; killed ones do not count."""
import os
import socket
import time

import pytest

from mmfusion.utils.claims import claimed
from mmfusion.utils.errors import UsageError
from tests.support import signal_cases
from tests.support.fresh_processes import CONTEXT
from tests.support.tiny_project import make_project, train_with


@pytest.fixture
def other(tmp_path):
    """A process that has claimed ``tmp_path / 'work'``."""
    folder = tmp_path / 'work'
    process = CONTEXT.Process(target=signal_cases.claim_for_ever,
                              args=(folder, ))
    process.start()
    while not (folder / 'claimed').exists():
        time.sleep(0.01)
    yield process
    process.kill()
    process.join()


def test_two_runs_in_one_folder(other, tmp_path, capsys):
    folder = tmp_path / 'work'
    with pytest.raises(
            UsageError, match=f'process {other.pid} on '
            f'{socket.gethostname()}') as error, claimed(folder):
        pass
    assert str(folder) in str(error.value)
    assert '\n' not in str(error.value)
    with claimed(folder, 'another.lock'):  # parts of one work
        pass
    other.kill()
    other.join()
    with claimed(folder):
        assert f'process {other.pid}, which has ended' in (
            capsys.readouterr().err)
        host, pid, _ = (folder / 'run.lock').read_text().splitlines()
        assert (host, int(pid)) == (socket.gethostname(), os.getpid())
    assert [path.name for path in folder.iterdir()] == ['claimed']


def test_a_training_beside_another(other, tmp_path):
    configs = make_project(tmp_path)
    with pytest.raises(UsageError, match=f'process {other.pid} on '):
        train_with(configs / 'stage1.py', '--work-dir', tmp_path / 'work')
    assert sorted(path.name for path in (tmp_path / 'work').iterdir()) == [
        'claimed', 'run.lock'
    ]


def test_another_host_counts(tmp_path):
    lock = tmp_path / 'run.lock'
    lock.write_text('elsewhere\n1\n2020-01-01 00:00:00\n')
    with pytest.raises(UsageError, match=f'on elsewhere.*{lock}.*delete'), \
            claimed(tmp_path):
        pass
    assert lock.exists()


@pytest.mark.parametrize('torn', [b'', b'\xff\x00', b'\n'])
def test_a_torn_file_does_not_count(torn, tmp_path):
    (tmp_path / 'run.lock').write_bytes(torn)
    with claimed(tmp_path):
        pass
    assert not list(tmp_path.iterdir())


def test_a_folder_that_was_not_needed_goes(tmp_path):
    with pytest.raises(UsageError), claimed(tmp_path / 'a'):
        raise UsageError('no')
    with claimed(tmp_path / 'b'):
        (tmp_path / 'b' / 'file').touch()
    assert [path.name for path in tmp_path.iterdir()] == ['b']
