"""Sharing processor cores."""
import os
from collections.abc import Iterator
from contextlib import contextmanager

import cv2


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
