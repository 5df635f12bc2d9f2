"""Sharing processor cores and the standard error stream."""
import multiprocessing
import os
import re
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from typing import Any

import cv2

from .interruption import end_worker, follow_parent

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


def in_processes(task: Callable[[Any], Any], items: Iterable,
                 workers: int) -> Iterator[Any]:
    """Call a function for all items, in processes that end with this one.

    Args:
        task (callable): Of a module, or a partial of one.
        items (iterable): What it takes.
        workers (int): Number of processes, with one thread of OpenCV each.

    Yields:
        What it returns, in the order in which it is finished.

    Raises:
        ChildProcessError: If a process was killed.
    """
    pool = ProcessPoolExecutor(workers, initializer=_start_worker)
    try:
        futures = [pool.submit(task, item) for item in items]
        for future in as_completed(futures):
            yield future.result()
    except BrokenProcessPool as error:
        raise ChildProcessError(
            'A process was killed, perhaps for want of memory. Give fewer '
            f'than {workers} workers.') from error
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _start_worker() -> None:
    """Set a process up: one thread, no life after its parent."""
    if cv2.getNumThreads() != 1:  # not forked
        cv2.setNumThreads(1)
        follow_parent()
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    end_worker()
