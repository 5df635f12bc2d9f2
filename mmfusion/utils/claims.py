"""One run at a time in a folder."""
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from .disk import writing
from .errors import UsageError
from .files import PathLike
from .interruption import removed_in_the_end
from .progress import announce


@contextmanager
def claimed(folder: PathLike, name: str = 'run.lock') -> Iterator[None]:
    """Keep other runs out of a folder, by a file with host, pid and time.

    What a killed run has left behind is told by the lock that the system
    keeps for living processes only. Of another host, whose locks may not
    be visible here, the file counts.

    Args:
        folder (str | PathLike): Made where it does not exist.
        name (str): Of the file.

    Raises:
        UsageError: If another run has the folder; names it.
        DiskError: If it may not be written.
    """
    path = Path(folder) / name
    is_new = not path.parent.exists()
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    while True:
        with writing(path):
            file = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            lines = os.pread(file, 999, 0).decode(errors='replace').split('\n')
            host, pid, since = lines[:3] if len(lines) > 3 else [''] * 3
            here = host in ('', socket.gethostname())
            if not _lock(file) or not here:
                raise UsageError(
                    f'Expected no other run in {path.parent}, got process '
                    f'{pid} on {host}, which holds {path} since {since}. Wait '
                    'for it, or name another folder' +
                    ('.' if here else '; if it has ended, delete that file.'))
            if _is(path, file):
                break
        except BaseException:
            os.close(file)
            raise
        os.close(file)  # removed by another run in between
    if pid:
        announce([f'{path} was left behind by process {pid}, which has ended'])
    os.ftruncate(file, 0)
    os.pwrite(
        file, f'{socket.gethostname()}\n{os.getpid()}\n'
        f'{time.strftime("%Y-%m-%d %H:%M:%S")}\n'.encode(), 0)
    try:
        with removed_in_the_end(path):
            yield
    finally:
        path.unlink(missing_ok=True)
        os.close(file)
        if is_new:
            with suppress(OSError):  # nothing came of it
                path.parent.rmdir()


def _lock(file: int) -> bool:
    """Whether no living process has it; this one does from now on.

    Not ``flock``, which workers that outlive a killed parent would keep.
    """
    try:
        import fcntl
    except ImportError:  # Windows
        return True
    try:
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    except OSError:  # a file system without locks
        return True
    return True


def _is(path: Path, file: int) -> bool:
    return path.exists() and os.path.samestat(path.stat(), os.fstat(file))
