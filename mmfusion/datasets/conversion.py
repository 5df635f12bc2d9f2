"""Write data sets to disk file by file: nothing half-written, one bad
file does not stop the rest."""
import os
import shutil
import sys
from collections.abc import Callable, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import cv2
import numpy as np
from mmengine.utils import track_parallel_progress, track_progress


@contextmanager
def finished_file(path):
    """Yields a temporary path next to ``path``, renamed to it in the end.

    The folder is made where it does not exist. After an error neither
    file is left behind (an older ``path`` stays).
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f'.{path.stem}.{os.getpid()}.part{path.suffix}')
    try:
        yield draft
        os.replace(draft, path)
    finally:
        draft.unlink(missing_ok=True)


def write_png(path, image: np.ndarray, fast: bool = False) -> None:
    """Write (H, W) or (H, W, 3) BGR, uint8, as a PNG.

    Args:
        path (str | Path): The file.
        image (np.ndarray): The image.
        fast: Look for runs only: three times as fast, and hardly larger
            where the image is noisy.

    Raises:
        ValueError: If the array cannot be a PNG; names the file.
    """
    options = [cv2.IMWRITE_PNG_COMPRESSION, 1 if fast else 4]
    if fast:
        options += [cv2.IMWRITE_PNG_STRATEGY, cv2.IMWRITE_PNG_STRATEGY_RLE]
    done, content = cv2.imencode('.png', image, options)
    if not done:
        raise ValueError(f'{path}: expected an image (H, W) or (H, W, 3), '
                         f'got {image.shape} {image.dtype}')
    with finished_file(path) as draft:
        draft.write_bytes(content.tobytes())


def place_file(source, path, link: bool = False) -> None:
    """Copy ``source`` to ``path``, or link to it (symbolic, absolute)."""
    with finished_file(path) as draft:
        if link:
            draft.symlink_to(Path(source).resolve())
        else:
            shutil.copyfile(source, draft)


def write_lines(path, lines: Sequence[str]) -> None:
    """Write a split file: one stem per line."""
    with finished_file(path) as draft:
        draft.write_text(''.join(f'{line}\n' for line in lines))


def run_jobs(function: Callable, jobs: Sequence, workers: int = 0) -> list:
    """Call ``function(job)`` for every job, with a progress bar.

    Args:
        function: A module-level function (or a partial of one).
        jobs: What to work on; ``str(job)`` names it in a failure unless
            the error's text does so itself.
        workers: Processes; 0 and 1 work in this one.

    Returns:
        list: ``(job, result, error)`` in the order of the jobs, where
        ``error`` is None or the text of a ``ValueError`` or ``OSError``.

    Raises:
        ValueError: If ``workers`` is negative.
    """
    if workers < 0:
        raise ValueError(
            f'workers: expected 0 or more, got {workers}; 0 works without '
            'further processes')
    jobs = list(jobs)
    if not jobs:
        return []
    guarded = partial(_guarded, function)
    if workers <= 1:
        return track_progress(guarded, jobs, file=sys.stderr)
    return track_parallel_progress(
        guarded, jobs, min(workers, len(jobs)), initializer=_one_thread,
        file=sys.stderr)


def report_failures(outcomes: list, noun: str = 'file') -> int:
    """Print what failed on stderr.

    Returns:
        int: An exit status: 0, or 1 if anything failed.
    """
    errors = [error for _, _, error in outcomes if error is not None]
    for error in errors:
        print(f'error: {error}', file=sys.stderr)
    if errors:
        print(f'{len(errors)} of {len(outcomes)} {noun}s failed, see above; '
              'the others are done', file=sys.stderr)
    return int(bool(errors))


def _guarded(function, job):
    try:
        return job, function(job), None
    except (ValueError, OSError) as error:
        return job, None, str(error) or f'{job}: {type(error).__name__}'


def _one_thread():
    cv2.setNumThreads(1)
