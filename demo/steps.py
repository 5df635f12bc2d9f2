"""Commands that build on each other, with logs, progress and resumption."""
import hashlib
import json
import os
import re
import shlex
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
# mmengine's log lines, and its progress bars.
_COUNT = re.compile(r'Iter\(\w+\) *\[ *(\d+/\d+)\]|(\d+/\d+), [\d.]+ task')
_LOSS = re.compile(r'\bloss: ([\d.]+)')
_LEFT = re.compile(r'\beta: (?:0:)?([\d:]+)')
#: seconds between two lines where no terminal shows a live one
_PAUSE = 20
_TAIL = 25
_say = partial(print, flush=True)


class Step(NamedTuple):
    """One command of the demo.

    Attributes:
        name: Key in the records, and name of the log file.
        title: What a reader is told.
        arguments: After the interpreter: a script and its arguments.
        outputs: Files or folders that the command makes.
        after: Names of the steps whose results it reads.
    """
    name: str
    title: str
    arguments: Sequence[str]
    outputs: Sequence[Path]
    after: Sequence[str] = ()

    @property
    def command(self) -> str:
        """As a user would type it."""
        return shlex.join(['python', *map(str, self.arguments)])


def progress(text: str) -> str:
    """What a log told last: ``'120/360, loss 0.57, 1:20 left'``, or less."""
    found = list(_COUNT.finditer(text))
    if not found:
        return ''
    line = text[found[-1].start():].partition('\n')[0]
    loss, left = _LOSS.search(line), _LEFT.search(line)
    parts = [found[-1][1] or found[-1][2]]
    if loss:
        parts.append(f'loss {float(loss[1]):.3g}')
    if left and left[1].strip(':0'):
        parts.append(f'{left[1]} left')
    return ', '.join(parts)


def _digest(step: Step) -> str:
    """Changes with the command and with the configs it names."""
    content = step.command.encode()
    for argument in step.arguments:
        if str(argument).endswith('.py'):
            folder = (ROOT / argument).parent
            for file in sorted(folder.glob('*.py')):
                content += file.read_bytes()
    return hashlib.sha1(content).hexdigest()


class Recorder:
    """Which steps are done, in ``<folder>/steps.json``.

    Args:
        folder (Path): Work folder of the demo.
    """

    def __init__(self, folder: Path) -> None:
        self.file = folder / 'steps.json'
        self.done: dict[str, dict] = {}
        if self.file.is_file():
            with suppress(ValueError):  # cut off: all is done again
                self.done = json.loads(self.file.read_text())

    def is_done(self, step: Step) -> bool:
        """Whether this very command has run and its outputs still exist."""
        return (self.done.get(step.name, {}).get('digest') == _digest(step)
                and all(path.exists() for path in step.outputs))

    def forget(self, names: Sequence[str]) -> None:
        """Take steps off the record."""
        for name in names:
            self.done.pop(name, None)
        self._write()

    def add(self, step: Step, seconds: float) -> None:
        """Put a finished step on the record."""
        self.done[step.name] = dict(digest=_digest(step), command=step.command,
                                    seconds=round(seconds, 1))
        self._write()

    def _write(self) -> None:
        partial = self.file.with_suffix('.part')
        partial.write_text(json.dumps(self.done, indent=1))
        os.replace(partial, self.file)


class Job:
    """A step that is running.

    Args:
        step (Step): What to run, from the repository's root.
        log (Path): File for everything that it prints.
        environment (dict): Variables added to the process's.
    """

    def __init__(self, step: Step, log: Path, environment: dict[str,
                                                                str]) -> None:
        log.parent.mkdir(parents=True, exist_ok=True)
        self.step = step
        self.log = log
        self.started = time.monotonic()
        with open(log, 'wb') as sink:
            self.process = subprocess.Popen(
                [sys.executable, *map(str, step.arguments)], stdout=sink,
                stderr=subprocess.STDOUT, cwd=ROOT, env={
                    **os.environ,
                    **environment
                })

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.started

    def progress(self) -> str:
        with open(self.log, 'rb') as source:
            source.seek(max(0, self.log.stat().st_size - 4000))
            return progress(source.read().decode('utf-8', 'replace'))

    def told(self) -> str:
        """What a user sees meanwhile."""
        return f'{self.step.name} {self.seconds:.0f} s  {self.progress()}'

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait()

    def check(self) -> None:
        """Raise RuntimeError, with the end of the log, if it has failed."""
        step, status = self.step, self.process.returncode
        missing = [str(path) for path in step.outputs if not path.exists()]
        if not (status or missing):
            return
        lines = re.split('[\r\n]+', self.log.read_text('utf-8', 'replace'))
        reason = (f'exit status {status}'
                  if status else f'it did not write {", ".join(missing)}')
        raise RuntimeError(
            f'{step.title} failed ({reason}).\nCommand: {step.command}\n'
            f'Log: {self.log}, which ends with\n  ' +
            '\n  '.join(lines[-_TAIL:]))


def dependents(steps: list[Step], name: str) -> list[str]:
    """``name`` and all steps that need it, directly or not."""
    found = [name]
    for step in steps:
        if step.name not in found and set(step.after) & set(found):
            found.append(step.name)
    return found


def run_steps(steps: list[Step], folder: Path, environment: dict[str, str],
              side_by_side: int = 1,
              say: Callable[[str], None] = _say) -> dict[str, dict]:
    """Run what has not been run, and what follows from it.

    Args:
        steps (list[Step]): A step comes after all that it needs.
        folder (Path): Work folder: records and logs.
        environment (dict): Variables added to each process's; shown.
        side_by_side (int): Commands that run at a time, sharing the cores.
        say (callable): Prints a line.

    Returns:
        dict: Name of each step to its command and seconds.

    Raises:
        RuntimeError: If a step fails; the others are then stopped. The text
            ends with the last lines of its log.
    """
    folder.mkdir(parents=True, exist_ok=True)
    recorder = Recorder(folder)
    prefix = ''.join(f'{key}={shlex.quote(value)} '
                     for key, value in environment.items())
    threads = max(1, len(os.sched_getaffinity(0)) // side_by_side) \
        if hasattr(os, 'sched_getaffinity') else 1
    hidden = dict(OMP_NUM_THREADS=str(threads))
    waiting, running, finished = list(steps), [], set()
    told = time.monotonic()
    try:
        while waiting or running:
            for step in list(waiting):
                if not finished.issuperset(step.after):
                    continue
                done = recorder.is_done(step)
                if not done and len(running) >= side_by_side:
                    continue
                waiting.remove(step)
                number = steps.index(step) + 1
                say(f'[{number}/{len(steps)}] {step.title}\n'
                    f'   {prefix}{step.command}')
                if done:
                    say('   is done (--fresh runs everything anew)')
                    finished.add(step.name)
                    continue
                recorder.forget(dependents(steps, step.name))
                running.append(
                    Job(step, folder / 'logs' / f'{step.name}.log', {
                        **hidden,
                        **environment
                    }))
            time.sleep(0.1)
            for job in list(running):
                if job.process.poll() is None:
                    continue
                running.remove(job)
                job.check()
                _clear_line()
                say(f'   {job.step.name} is done after {job.seconds:.0f} s')
                recorder.add(job.step, job.seconds)
                finished.add(job.step.name)
            if sys.stdout.isatty():
                _show_progress(running)
            elif time.monotonic() - told > _PAUSE:
                told = time.monotonic()
                for job in running:
                    say(f'   {job.told()}')
    finally:
        _clear_line()
        for job in running:
            job.stop()
    return recorder.done


def _show_progress(running: list[Job]) -> None:
    told = '  '.join(job.told() for job in running)
    print(f'\r   {told:<75}', end='', flush=True)


def _clear_line() -> None:
    if sys.stdout.isatty():
        print('\r' + ' ' * 79 + '\r', end='', flush=True)
