"""Commands run one after the other, with logs, progress and resumption."""
import hashlib
import json
import os
import re
import shlex
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from typing import Callable, Dict, List, NamedTuple, Sequence

ROOT = Path(__file__).resolve().parents[1]
_TRAINED = re.compile(r'Iter\(train\) *\[ *(\d+)/(\d+)\]')
_TESTED = re.compile(r'Iter\((?:val|test)\) *\[ *(\d+)/(\d+)\]')
_BAR = re.compile(r'(\d+)/(\d+), ')
_TAIL = 25
_say = partial(print, flush=True)


class Step(NamedTuple):
    """One command of the demo.

    Attributes:
        name: Key in the records, and name of the log file.
        title: What a reader is told.
        arguments: After the interpreter: a script and its arguments.
        outputs: Files or folders that the command makes.
    """
    name: str
    title: str
    arguments: Sequence[str]
    outputs: Sequence[Path]

    @property
    def command(self) -> str:
        """As a user would type it."""
        return shlex.join(['python', *map(str, self.arguments)])


def progress(text: str) -> str:
    """The latest count in a log, e.g. ``'120/360'``, or nothing."""
    for pattern in (_TESTED, _TRAINED, _BAR):
        found = pattern.findall(text)
        if found:
            return '/'.join(found[-1])
    return ''


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
        self.done: Dict[str, dict] = {}
        if self.file.is_file():
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
        self.done[step.name] = dict(
            digest=_digest(step), command=step.command,
            seconds=round(seconds, 1))
        self._write()

    def _write(self) -> None:
        partial = self.file.with_suffix('.part')
        partial.write_text(json.dumps(self.done, indent=1))
        os.replace(partial, self.file)


def run_step(step: Step, log: Path, environment: Dict[str, str],
             say: Callable[[str], None] = _say) -> float:
    """Run one command, with its output in a file and its progress shown.

    Args:
        step (Step): What to run, from the repository's root.
        log (Path): File for everything that it prints.
        environment (dict): Variables added to the process's.
        say (callable): Prints a line.

    Returns:
        float: Seconds it took.

    Raises:
        RuntimeError: If the command fails or leaves an output out; the text
            ends with the last lines of the log.
    """
    started = time.monotonic()
    log.parent.mkdir(parents=True, exist_ok=True)
    live = sys.stdout.isatty()
    with open(log, 'wb') as sink:
        process = subprocess.Popen(
            [sys.executable, *map(str, step.arguments)],
            stdout=sink,
            stderr=subprocess.STDOUT,
            cwd=ROOT,
            env={**os.environ, **environment})
        try:
            while process.poll() is None:
                time.sleep(0.3)
                if live:
                    with open(log, 'rb') as source:
                        source.seek(max(0, log.stat().st_size - 4000))
                        count = progress(source.read().decode(
                            'utf-8', 'replace'))
                    seconds = time.monotonic() - started
                    print(f'\r   {seconds:5.0f} s  {count:<12}', end='',
                          flush=True)
        finally:
            if process.poll() is None:
                process.terminate()
                process.wait()
    if live:
        print('\r' + ' ' * 30 + '\r', end='')
    seconds = time.monotonic() - started
    missing = [str(path) for path in step.outputs if not path.exists()]
    if process.returncode or missing:
        lines = re.split('[\r\n]+', log.read_text('utf-8', 'replace'))
        reason = (f'exit status {process.returncode}' if process.returncode
                  else f'it did not write {", ".join(missing)}')
        raise RuntimeError(
            f'{step.title} failed ({reason}).\nCommand: {step.command}\n'
            f'Log: {log}, which ends with\n  '
            + '\n  '.join(lines[-_TAIL:]))
    say(f'   done in {seconds:.0f} s')
    return seconds


def run_steps(steps: List[Step], folder: Path,
              environment: Dict[str, str],
              say: Callable[[str], None] = _say) -> Dict[str, dict]:
    """Run what has not been run, from the first change on.

    Args:
        steps (list[Step]): In order; a later one may read what an earlier
            one wrote, so everything after a step that runs is run too.
        folder (Path): Work folder: records and logs.
        environment (dict): Variables added to each process's.
        say (callable): Prints a line.

    Returns:
        dict: Name of each step to its command and seconds.

    Raises:
        RuntimeError: If a step fails, see :func:`run_step`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    recorder = Recorder(folder)
    prefix = ''.join(f'{key}={shlex.quote(value)} '
                     for key, value in environment.items())
    stale = False
    for number, step in enumerate(steps, 1):
        say(f'[{number}/{len(steps)}] {step.title}\n'
            f'   {prefix}{step.command}')
        if not stale and recorder.is_done(step):
            say('   is done (--fresh runs everything anew)')
            continue
        if not stale:
            recorder.forget([later.name for later in steps[number - 1:]])
        stale = True
        seconds = run_step(step, folder / 'logs' / f'{step.name}.log',
                           environment, say)
        recorder.add(step, seconds)
    return recorder.done
