"""Progress bars and notes that leave stdout to the results."""
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from .errors import printable

Item = TypeVar('Item')
#: whether a bar stands in the last line of stderr
tracking = False


def track(items: Iterable[Item], total: int,
          steps: Callable[[Item], int] = lambda item: 1) -> Iterator[Item]:
    """Iterate with a progress bar on stderr, unless there is one step.

    Args:
        items (iterable): What to iterate over.
        total (int): Number of steps of all items.
        steps (callable): Number of steps of an item. Defaults to one.

    Yields:
        The items.
    """
    if total < 2:
        yield from items
        return
    from mmengine.utils import ProgressBar  # late, as all of mmengine
    global tracking
    bar = ProgressBar(total, file=sys.stderr)
    tracking = True
    try:
        for item in items:
            yield item
            bar.update(steps(item))
    finally:  # an error begins on a line of its own
        tracking = False
        print(file=sys.stderr)


def free_output() -> None:
    """Let stdout take every name: escaped where it is no UTF-8."""
    if hasattr(sys.stdout, 'reconfigure'):
        sys.stdout.reconfigure(errors='backslashreplace')


def announce(lines: Iterable[str], word: str = 'note') -> None:
    """Print notes to stderr, so that they never mix with results."""
    for line in lines:
        print(printable(f'{word}: {line}'), file=sys.stderr, flush=True)
