"""What runs a command: errors and signals end it in one line.

This module imports nothing heavy, see :mod:`.flags`.
"""
import shlex
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from mmfusion.utils.compat import DetectionMissing
from mmfusion.utils.errors import UsageError, one_line
from mmfusion.utils.interruption import (AGAIN, Interrupted, ending_on_signals,
                                         stopped_by)
from mmfusion.utils.progress import free_output
from mmfusion.utils.stack import stack_fault

#: packages of the extras 'onedl' and 'upstream', by what is imported
_STACK = ('mmengine', 'mmcv', 'mmseg', 'cv2', 'torchvision', 'timm', 'torch')


def run(main: Callable[[], int | None]) -> int:
    """Run a tool's ``main``; user errors become one line, not a traceback.

    Signals end it, see :mod:`mmfusion.utils.interruption`.

    Returns:
        int: The exit code: what ``main`` returns (None counts as 0), or 2
        after a :class:`UsageError`, a file that cannot be read or written,
        or missing packages or operators; 130 after Ctrl-C, 143 after
        SIGTERM.
    """
    free_output()
    try:
        with _short_warnings(), ending_on_signals():
            return main() or 0
    except KeyboardInterrupt as error:
        name, status = stopped_by()
        text = str(error) if isinstance(error, Interrupted) else AGAIN
        if text:
            print(f'stopped by {name}: {text}', file=sys.stderr)
        return status
    except (UsageError, OSError, DetectionMissing) as error:
        print(f'error: {error}', file=sys.stderr)
        return 2
    # AssertionError: mmseg and mmdet look at the version of mmcv
    except (ImportError, AssertionError) as error:
        fault = stack_fault()
        if fault is not None:
            print(f'error: {fault}', file=sys.stderr)
            return 2
        if getattr(error, 'name', None) not in _STACK or not isinstance(
                error, ModuleNotFoundError):
            raise
        print(
            f'error: Expected the package {error.name}, got none: pip install '
            '"mmfusion[onedl]". mmfusion doctor tells what else is missing.',
            file=sys.stderr)
        return 2


def renamed(today: str) -> int:
    """Answer a script that another project had, with today's command.

    Args:
        today (str): Name of the tool that does it now.

    Returns:
        int: 2, since nothing was done.
    """
    old = Path(sys.argv[0])
    command = shlex.join(['python', str(old.with_name(today)), *sys.argv[1:]])
    print(
        f'error: {old.name} is {today} here. Run:\n  {command}\nwith a config '
        'of mmfusion, see docs/migrate_from_bffr.md.', file=sys.stderr)
    return 2


@contextmanager
def _short_warnings() -> Iterator[None]:
    """Warnings in one line, without those of how packages call each other."""
    before = warnings.formatwarning
    with warnings.catch_warnings():
        for kind in (DeprecationWarning, PendingDeprecationWarning,
                     FutureWarning):
            for package in (*_STACK, 'mmdet'):
                warnings.filterwarnings('ignore', category=kind,
                                        module=rf'{package}\b')
        # mmengine 0.10.7's doing, of which users of it can do nothing
        warnings.filterwarnings('ignore', 'pkg_resources is deprecated')
        warnings.formatwarning = _told_in_one_line
        try:
            yield
        finally:
            warnings.formatwarning = before


def _told_in_one_line(message, category, filename, lineno, line=None) -> str:
    """A warning without the place in the code, which tells users nothing."""
    return f'warning: {one_line(message)}\n'
