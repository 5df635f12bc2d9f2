"""Writers meet a disk without room, without a mount."""
import errno
import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def file_limit(size: int) -> Iterator[None]:
    """No file of this process may grow beyond ``size`` bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def full_disk(*_, **__):
    """In the place of a function that writes."""
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def unfinished(folder: Path) -> list[str]:
    """Part files below a folder."""
    return [
        str(path) for path in folder.rglob('*')
        if path.name.startswith('.') or '.part' in path.name
    ]
