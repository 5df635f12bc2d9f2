"""Sharing processor cores and the standard error stream."""
import os
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import cv2

_LISTENING = threading.Lock()
# A process that is forked while a thread listens would keep the pipe.
if hasattr(os, 'register_at_fork'):
    os.register_at_fork(before=_LISTENING.acquire,
                        after_in_parent=_LISTENING.release,
                        after_in_child=_LISTENING.release)


def available_cores() -> int:
    """Processor cores that this process may use."""
    if hasattr(os, 'sched_getaffinity'):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@contextmanager
def single_threaded_opencv() -> Iterator[None]:
    """OpenCV without threads of its own, here and in forked processes.

    A forked process that inherits the pool without its threads would wait
    for them forever.
    """
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(threads)


@contextmanager
def heard_on_stderr(pattern: re.Pattern[bytes]) -> Iterator[list[str]]:
    """Yields a list that holds, afterwards, what fitted on stderr.

    For C libraries that tell of problems there alone. What does not fit is
    passed on; one thread at a time listens.
    """
    said: list[str] = []
    with _LISTENING:
        try:
            stderr = os.dup(2)
        except OSError:  # closed: nobody would hear
            yield said
            return
        source, sink = os.pipe()
        # Nobody empties the pipe meanwhile: what is too much is lost.
        os.set_blocking(sink, False)
        try:
            os.dup2(sink, 2)
            yield said
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)
            os.close(sink)
            with open(source, 'rb') as pipe:
                text = pipe.read()
            said += [part.decode().strip() for part in pattern.findall(text)]
            os.write(2, pattern.sub(b'', text))
