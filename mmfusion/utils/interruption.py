"""Ctrl-C, SIGTERM, a closed terminal: one line, nothing half-written.

A command line ends where the signal finds it, without an exception: one
would strike inside of locks and be swallowed by libraries. Work that has
something to finish asks for a flag instead, see :func:`stop_request`.

This module imports nothing heavy: tools have it before anything else.
"""
import glob
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import Any

AGAIN = ('what is finished is kept, nothing is half-written. To go on, give '
         'the same command again.')
#: the last one is that of a closed terminal, which ``nohup`` ignores
_SIGNALS = [
    getattr(signal, name) for name in ('SIGINT', 'SIGTERM', 'SIGHUP')
    if hasattr(signal, name)
]
#: seconds in which the processes that were started may end
_PATIENCE = 2
_unfinished: set[Path] = set()
_stderr = 2
_received = signal.SIGINT
_requests: list['StopRequest'] = []


class Interrupted(KeyboardInterrupt):
    """A signal ended the work; the text says how to go on.

    Without a text another process tells it.
    """


class StopRequest:
    """Whether a signal asked to stop: true once one did.

    Attributes:
        number (int): Of the signal; 0 is none.
        armed (bool): Whether signals are taken; else they act as before.
        hurried (bool): Whether a second Ctrl-C acts as before.
    """

    def __init__(self, hurried: bool = False) -> None:
        self.number = 0
        self.armed, self.hurried = True, hurried
        self._open = False
        self._before: dict[int, Any] = {}

    def __bool__(self) -> bool:
        return bool(self.number)

    def ask(self, number: int) -> None:
        """Ask to stop, as that signal does."""
        global _received
        if not self:
            self.number = _received = signal.Signals(number)

    @contextmanager
    def breaking_off(self) -> Iterator[None]:
        """A signal raises :class:`Interrupted` in the block, once.

        For long work that holds no lock and leaves nothing behind.
        """
        self._open = not self
        try:
            yield
        finally:
            self._open = False

    def _receive(self, number: int, frame: FrameType | None) -> None:
        second = self and number == signal.SIGINT
        if not self.armed or second and self.hurried:
            _act(self._before[number], number, frame)
            return
        self.ask(number)
        if self._open:
            self._open = False
            raise Interrupted(AGAIN)


@contextmanager
def stop_request(hurried: bool = False) -> Iterator[StopRequest]:
    """Signals only set a flag meanwhile, which the block looks at.

    In another than the main thread, signals act as before.

    Args:
        hurried (bool): Whether a second Ctrl-C acts as before.

    Yields:
        StopRequest: The flag.
    """
    request = StopRequest(hurried)
    with _handled_by(request._receive) as request._before:
        _requests.append(request)
        try:
            yield request
        finally:
            _requests.remove(request)


@contextmanager
def ending_on_signals() -> Iterator[None]:
    """Signals end the program meanwhile, in one line on stderr.

    The exit status is 130 after SIGINT, 143 after SIGTERM. What
    :func:`removed_in_the_end` names goes, and processes that were started
    end, too.
    """
    global _stderr
    before, _stderr = _stderr, _copy_of_stderr()
    try:
        with _handled_by(_end_program):
            yield
    finally:
        os.close(_stderr)
        _stderr = before


def end_tools_on_signals() -> None:
    """As :func:`ending_on_signals` from now on, if a tool is running.

    So that one that is still importing ends in one line, too.
    """
    package = Path(__file__).resolve().parents[1]
    file = getattr(sys.modules['__main__'], '__file__', None) or ''
    tools = {package.parent / name for name in ('tools', 'demo', 'benchmarks')}
    if (Path(file).stem == package.name  # the command
            or {*tools, package / '.mim'} & set(Path(file).resolve().parents)):
        global _stderr
        _stderr = _copy_of_stderr()
        _exchange(_end_program)


@contextmanager
def removed_in_the_end(path: Path) -> Iterator[Path]:
    """A file or folder that a signal removes, if it comes meanwhile."""
    _unfinished.add(path)
    try:
        yield path
    finally:
        _unfinished.discard(path)


def follow_parent() -> None:
    """Let the parent decide about signals, in a process that works for it.

    Ctrl-C also reaches the parent. A signal to all processes must not end
    those that load data for what the parent still finishes.
    """
    global _unfinished
    _unfinished = set()  # the others are the parent's
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, end_worker)
    if _requests and hasattr(signal, 'sigwaitinfo'):
        # blocked, since torch's workers have a handler of their own
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
        threading.Thread(target=_end_by_parent, daemon=True).start()
    _requests.clear()


def end_worker(number: int = signal.SIGTERM,
               frame: FrameType | None = None) -> None:
    """End a process that works for another."""
    _remove_unfinished()
    os._exit(128 + number)


def stopped_by() -> tuple[str, int]:
    """Name of the signal that was received last, and an exit status."""
    return _received.name, 128 + _received


def _copy_of_stderr() -> int:
    """Since what listens to decoders redirects it for moments."""
    try:
        return os.dup(2)
    except OSError:  # closed
        return os.open(os.devnull, os.O_WRONLY)


@contextmanager
def _handled_by(handler: Any) -> Iterator[dict[int, Any]]:
    """Exchange the handlers; yields those of before."""
    before = _exchange(handler)
    try:
        yield before
    finally:
        for number, former in before.items():
            # None of what is not Python's
            signal.signal(number, former or signal.SIG_DFL)


def _exchange(handler: Any) -> dict[int, Any]:
    if threading.current_thread() is not threading.main_thread():
        return {}
    always = signal.SIGINT, signal.SIGTERM
    return {
        number: signal.signal(number, handler) for number in _SIGNALS
        if number in always or signal.getsignal(number) != signal.SIG_IGN
    }


def _act(handler: Any, number: int, frame: FrameType | None) -> None:
    if callable(handler):
        handler(number, frame)
    elif handler != signal.SIG_IGN:
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)


def _end_program(number: int, frame: FrameType | None = None) -> None:
    status = 128 + number
    # Not again, and none that tells of processes that end: torch's raises.
    for other in (*_SIGNALS, getattr(signal, 'SIGCHLD', number)):
        signal.signal(other,
                      signal.SIG_IGN if other in _SIGNALS else signal.SIG_DFL)
    with suppress(Exception):
        if hasattr(signal, 'SIGALRM'):  # a pipe that nobody reads from
            signal.signal(signal.SIGALRM, lambda *_: os._exit(status))
            signal.alarm(2 * _PATIENCE)
        _end_children()
        _remove_unfinished()
        text = f'stopped by {signal.Signals(number).name}: {AGAIN}\n'
        # not by print: the signal may have come in the middle of one
        os.write(_stderr, (_line_feed() + text).encode())
        sys.stdout.flush()
    os._exit(status)


def _line_feed() -> str:
    progress = sys.modules.get('mmfusion.utils.progress')
    return '\n' if progress and progress.tracking else ''


def _end_children() -> None:
    alive: set[int] = set()
    for path in glob.glob('/proc/self/task/*/children'):
        with suppress(OSError):
            alive.update(map(int, Path(path).read_text().split()))
    end = time.monotonic() + _PATIENCE
    while alive and time.monotonic() < end:
        for child in alive:
            os.kill(child, signal.SIGTERM)
        time.sleep(0.02)
        alive = {child for child in alive if _runs(child)}
    for child in alive:
        os.kill(child, signal.SIGKILL)


def _runs(child: int) -> bool:
    try:
        return not os.waitpid(child, os.WNOHANG)[0]
    except ChildProcessError:  # waited for already
        return False


def _remove_unfinished() -> None:
    for path in list(_unfinished):
        with suppress(OSError):
            if path.is_dir():
                import shutil
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)


def _end_by_parent() -> None:
    while signal.sigwaitinfo({signal.SIGTERM}).si_pid != os.getppid():
        pass
    _remove_unfinished()
    os._exit(0)  # torch takes another status for a fault


def _after_fork() -> None:
    if _requests or signal.getsignal(signal.SIGTERM) is _end_program:
        follow_parent()


if hasattr(os, 'register_at_fork'):
    os.register_at_fork(after_in_child=_after_fork)
