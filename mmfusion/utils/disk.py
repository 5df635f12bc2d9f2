"""Disks that are full or may not be written: one line that names the file."""
import errno
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from .errors import UsageError

PathLike = str | os.PathLike
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_FORBIDDEN = (errno.EROFS, errno.EACCES, errno.EPERM)
_MARGIN = 2**19
_NO_RESERVE = (errno.EOPNOTSUPP, errno.EINVAL, errno.ENOSYS)
#: what numpy, h5py and torch say, in errors without a number
_UNNUMBERED = re.compile(
    r'\d+ requested and \d+ written|No space left|File too large|quota exceed'
    r'|PytorchStreamWriter failed|file write failed|iostream error'
    r'|unexpected pos \d+ vs')


class DiskError(UsageError, OSError):
    """A file that cannot be written, wherever its content comes from.

    The next one could not be written either, so tools stop at the first.
    """


@contextmanager
def writing(path: PathLike, size: int | None = None) -> Iterator[None]:
    """Turns what a disk refuses into a :class:`DiskError`.

    Args:
        path (str | PathLike): The file that is written in the block.
        size (int, optional): Bytes that it needs.

    Raises:
        DiskError: Names the file and the bytes that are missing.
    """
    try:
        yield
    except (OSError, RuntimeError) as error:
        reason = refusal(error)
        if reason is None or isinstance(error, DiskError):
            raise
        if isinstance(error, PermissionError) and not _is_about(error, path):
            raise
        raise DiskError(_told(Path(path), reason, size)) from error


def refusal(error: BaseException) -> str | None:
    """Why a disk took no more, or None where it is not about that."""
    number = getattr(error, 'errno', None)
    if number in _FULL or number in _FORBIDDEN:
        return os.strerror(number)
    if number is None and isinstance(error, (OSError, RuntimeError)):
        # torch wraps the error of the file that it writes to
        cause = error.__context__
        if isinstance(cause, OSError) and cause.errno in _FULL:
            return os.strerror(cause.errno)
        if _UNNUMBERED.search(str(error)):
            return 'No space left'
    return None


def reserve(path: PathLike) -> None:
    """Give a file the disk space of its whole length.

    Args:
        path (str | PathLike): A file that may have holes.

    Raises:
        OSError: If there is not enough, with its number.
    """
    with open(path, 'r+b') as file:
        size = os.fstat(file.fileno()).st_size
        if not size:
            return
        try:
            os.posix_fallocate(file.fileno(), 0, size)
            return
        except AttributeError:  # not on this system
            pass
        except OSError as error:
            if error.errno not in _NO_RESERVE:
                raise
    if shutil.disk_usage(path).free < size:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def check_room(path: PathLike, size: int) -> None:
    """Raise where a file cannot grow; for libraries that crash instead.

    Args:
        path (str | PathLike): A file that exists.
        size (int): Bytes that are to be added; half a megabyte more has to
            be free, for what the library holds back.

    Raises:
        OSError: If there is not enough, with its number.
    """
    room = shutil.disk_usage(path).free
    limit = _limit()
    if limit is not None:
        room = min(room, limit - os.stat(path).st_size)
    if room < size + _MARGIN:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _is_about(error: OSError, path: PathLike) -> bool:
    """Whether it is the file itself, and not one that is copied there."""
    if error.filename is None:
        return True
    told = Path(os.fsdecode(error.filename))
    return told in Path(path).parents or told.parent == Path(path).parent


def _told(path: Path, reason: str, size: int | None) -> str:
    if reason in map(os.strerror, _FORBIDDEN):
        return (f'{path}: expected a file that can be written, got '
                f'{reason!r}. Name another folder, or change its permissions.')
    room = _room(path)
    if size is None:
        need = f'{room} bytes are free'
    elif size > room:
        need = f'{size - room} bytes are missing: {size} needed, {room} free'
    else:
        need = f'{size} bytes needed, {room} free'
    return (f'{path}: expected room for it, got {reason!r} ({need}). Make '
            'room and run it again; what is finished is kept.')


def _room(path: Path) -> int:
    """Bytes that a new file there may have."""
    folder = next(parent for parent in path.absolute().parents
                  if parent.is_dir())
    room, limit = shutil.disk_usage(folder).free, _limit()
    return room if limit is None else min(room, limit)


def _limit() -> int | None:
    """Bytes that a file of this process may have at most."""
    with suppress(ImportError):  # not on this system
        import resource
        limit = resource.getrlimit(resource.RLIMIT_FSIZE)[0]
        if limit != resource.RLIM_INFINITY:
            return limit
    return None
