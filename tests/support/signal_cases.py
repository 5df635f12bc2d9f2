"""Functions for ``run_fresh`` in which a signal arrives."""
import argparse
import multiprocessing
import os
import runpy
import signal
import sys
import time
from pathlib import Path

import numpy as np

from mmfusion.cli.legacy import run
from mmfusion.utils.claims import claimed
from mmfusion.utils.files import finished_file
from mmfusion.utils.processes import in_processes
from mmfusion.utils.progress import track


def print_into(folder: Path) -> None:
    """Files for all that this process prints, not for ``sys`` alone.

    Processes that it starts are forks, as of a program.
    """
    folder.mkdir(parents=True, exist_ok=True)
    multiprocessing.set_start_method('fork', force=True)
    for number, name in enumerate(('stdout', 'stderr'), 1):
        how = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
        os.dup2(os.open(folder / name, how), number)
        setattr(sys, name, os.fdopen(number, 'w', buffering=1))


def signal_to_tool(tool: Path, number: int, folder: Path) -> None:
    """Run a tool that gets a signal where it reads its flags."""
    print_into(folder)

    def parse(*_, **__):
        os.kill(os.getpid(), number)
        time.sleep(60)

    argparse.ArgumentParser.parse_args = parse
    sys.argv = [str(tool)]
    sys.path.insert(0, str(tool.parent))
    runpy.run_path(str(tool), run_name='__main__')


def _write_for_ever(path: Path) -> None:
    with finished_file(path) as draft:
        draft.write_text('half')
        path.with_name('pid').write_text(str(os.getpid()))
        time.sleep(60)


def signal_amid_work(number: int, folder: Path) -> None:
    """Files, a claim and a process are left when the signal comes."""
    print_into(folder)

    def main():
        print('a result')
        with claimed(folder), finished_file(folder / 'here') as draft:
            draft.write_text('half')
            found = in_processes(_write_for_ever, [folder / 'there'], 1)
            for _ in track(_signal_once(folder / 'pid', number, found), 2):
                pass

    sys.exit(run(main))


def _signal_once(written: Path, number: int, items):
    yield None
    future = iter(items)
    import threading

    def send():
        while not written.exists():
            time.sleep(0.01)
        os.kill(os.getpid(), number)

    threading.Thread(target=send, daemon=True).start()
    yield next(future)


def claim_for_ever(folder: Path) -> None:
    """Hold a folder until killed."""
    with claimed(folder):
        (folder / 'claimed').touch()
        time.sleep(60)


def record_until_killed(out: Path, frames: int) -> None:
    """Record moving frames; a kill, once so many are fused."""
    from mmfusion.video import FusionStream
    from tests.support.video_cases import ListSource, make_model

    def grey(index):
        return np.full((48, 64), index % 200, np.uint8)

    def on_frame(frame):
        if frame.index == frames:
            os.kill(os.getpid(), signal.SIGKILL)

    FusionStream(make_model(), ListSource(grey, 10**9),
                 ListSource(grey, 10**9)).run(out, on_frame=on_frame)
