"""Write data sets to disk file by file: nothing half-written, one bad
file does not stop the rest."""
import os
import shutil
import sys
from argparse import ArgumentParser
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from functools import partial
from operator import itemgetter
from pathlib import Path

import cv2
import numpy as np

from mmfusion.fileio import PairReading, read_image
from mmfusion.utils.disk import DiskError
from mmfusion.utils.errors import check_least
from mmfusion.utils.files import (finished_file, mark_png, write_bytes,
                                  write_text)
from mmfusion.utils.processes import (available_cores, in_processes,
                                      single_threaded_opencv)
from mmfusion.utils.progress import announce, free_output, track

from .transforms.annotations import LoadFusionAnnotations


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
    write_bytes(path, mark_png(content.tobytes()))


def place_file(source, path, link: bool = False) -> None:
    """Copy ``source`` to ``path``, or link to it (symbolic, absolute)."""
    with finished_file(path) as draft:
        if link:
            draft.symlink_to(os.path.realpath(source))
        else:
            shutil.copyfile(source, draft)


def check_stem(stem: str) -> None:
    """Refuse a stem that a split file cannot name.

    Raises:
        ValueError: If it is no line of its own; names it.
    """
    if stem != stem.strip() or '\n' in stem or '\r' in stem:
        raise ValueError(f'expected names without line breaks, and without '
                         f'blanks at their ends, got {stem!r}; rename them')


def write_lines(path, lines: Sequence[str]) -> None:
    """Write a split file: one stem per line, see :func:`check_stem`."""
    for line in lines:
        check_stem(line)
    write_text(path, ''.join(f'{line}\n' for line in lines), 'surrogateescape')


def read_pair(
        vis_path, ir_path,
        on_size_mismatch: str | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Both images of a pair as stored, of equal size.

    Args:
        vis_path (str | Path): The visible (or first) image.
        ir_path (str | Path): The other one.
        on_size_mismatch (str, optional): Which to resize where the sizes
            differ, see :class:`LoadFusionPair`.

    Raises:
        FileNotFoundError: If a file does not exist.
        ValueError: If one is damaged, or their sizes differ.
    """
    vis, ir = (read_image(str(path)) for path in (vis_path, ir_path))
    if vis.shape[:2] == ir.shape[:2]:
        return vis, ir
    if on_size_mismatch in (None, 'error'):
        raise ValueError(
            f'expected a pair of equal size, got {_size(vis)} in {vis_path} '
            f'and {_size(ir)} in {ir_path}; register or resize them first, '
            'or give --on-size-mismatch')
    images = PairReading(on_size_mismatch).same_size(
        dict(vis=vis, ir=ir), dict(vis=str(vis_path), ir=str(ir_path)))
    return images['vis'], images['ir']


def read_label(path, image: np.ndarray, classes=None) -> dict:
    """The label map that belongs to ``image``, checked.

    Args:
        path (str | Path): A PNG of class indices, 255 is ignored.
        image (np.ndarray): An image of the same size.
        classes (sequence[str], optional): The classes; None takes any
            index.

    Returns:
        dict: What a dataset's pipeline has after
        :class:`LoadFusionAnnotations`, with ``gt_seg_map``.

    Raises:
        FileNotFoundError: If the file does not exist.
        ValueError: If it is damaged, not of one channel, of another size,
            or holds an index without a class.
    """
    results = LoadFusionAnnotations().transform(
        dict(seg_map_path=str(path), classes=classes))
    label = results['gt_seg_map']
    if label.shape != image.shape[:2]:
        raise ValueError(
            f'expected a label map as large as its image, {_size(image)}, '
            f'got {_size(label)} in {path}')
    return results


def checked_folders(source, out, needed: Sequence[str] = ()) -> tuple:
    """``source`` and ``out`` as paths.

    Raises:
        FileNotFoundError: If ``source`` or a sub-folder of it that is
            ``needed`` does not exist.
        ValueError: If ``out`` is ``source`` or lies in it.
    """
    source, out = Path(source), Path(out)
    for folder in (source, *(source / name for name in needed)):
        if not folder.is_dir():
            raise FileNotFoundError(
                f'expected a folder at {folder}, but there is none')
    inner, outer = os.path.realpath(out), os.path.realpath(source)
    if Path(inner).is_relative_to(outer):
        raise ValueError(
            f'expected an output folder outside of {source}, got {out}')
    return source, out


def run_jobs(function: Callable, jobs: Sequence, workers: int = 0) -> list:
    """Call ``function(job)`` for every job, with a progress bar.

    Args:
        function: A module-level function (or a partial of one).
        jobs: What to work on.
        workers: Processes; 0 and 1 work in this one.

    Returns:
        list: ``(job, result, error)`` in the order of the jobs, where
        ``error`` is None or the text of a ``ValueError``, ``OSError`` or
        ``cv2.error``.

    Raises:
        ValueError: If ``workers`` is negative.
        ChildProcessError: If a process was killed.
        DiskError: If the disk is full: all jobs would fail.
    """
    check_least(0, workers=workers)
    jobs = list(jobs)
    if not jobs:
        return []
    task, workers = partial(_guarded, function), min(workers, len(jobs))
    with single_threaded_opencv() if workers > 1 else nullcontext():
        found = (in_processes(task, enumerate(jobs), workers)
                 if workers > 1 else map(task, enumerate(jobs)))
        outcomes = sorted(track(found, len(jobs)), key=itemgetter(0))
    return [(jobs[place], *outcome) for place, *outcome in outcomes]


def report_failures(outcomes: list, noun: str = 'file') -> int:
    """Print what failed on stderr.

    Returns:
        int: An exit status: 0, or 1 if anything failed.
    """
    errors = [error for _, _, error in outcomes if error is not None]
    announce(errors, 'error')
    if errors:
        print(
            f'{len(errors)} of {len(outcomes)} {noun}s failed, see above; '
            'the others are done', file=sys.stderr)
    return int(bool(errors))


def run_converter(parser: ArgumentParser, convert: Callable,
                  argv: Sequence | None = None) -> int:
    """Parse a converter's flags, some of all of them added, and convert.

    ``--workers`` and ``--overwrite`` are the same for all.

    Args:
        parser (ArgumentParser): Whose arguments ``convert`` takes by name.
        convert: Returns an exit status.
        argv: Arguments; None takes those of the command line.

    Returns:
        int: What ``convert`` returned. A ``ValueError`` or ``OSError`` of
        it ends the program as a wrong flag does.
    """
    parser.add_argument(
        '--overwrite', action='store_true',
        help='replace files of the same names that this tool has not written')
    parser.add_argument('--workers', type=int,
                        default=min(available_cores(), 8),
                        help='processes (default: %(default)s)')
    args = parser.parse_args(argv)
    free_output()
    try:
        return convert(**vars(args))
    except (ValueError, OSError) as error:
        parser.error(str(error))


def _guarded(function, numbered):
    place, job = numbered
    try:
        return place, function(job), None
    except DiskError:
        raise
    except (ValueError, OSError) as error:
        return place, None, str(error) or f'{job}: {type(error).__name__}'
    except cv2.error as error:
        return place, None, f'{job}: {error}'


def _size(image):
    return f'{image.shape[0]}x{image.shape[1]}'
