"""Faults by the hundred: what is lost, executed, or hangs; by hand.

    python tests/campaign.py [--only kills ...] [--seed N] [--markdown FILE]

A training is killed 50 times, each tool 10 times; a video is stopped 50
times by Ctrl-C or SIGTERM; 200 bits of checkpoints are flipped; payloads are
planted wherever files of weights are read. Each fault is followed by a look
at all files, and kills by the same command again. It takes ten minutes on
two cores, and ends with status 1 where anything was lost.

Tools run in forks of a process that has imported everything, so that kills
hit their work and not their imports.
"""
import argparse
import json
import os
import random
import re
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / 'tools' / 'model_converters')]

from mmfusion.utils.checkpoint import read_checkpoint  # noqa: E402
from tests.support import campaign_cases as cases  # noqa: E402
from tests.support.video_cases import count_frames  # noqa: E402

HANGS = 60  # seconds after which a process counts as hung
# names that say that a file is not finished; logs are never
_UNFINISHED = re.compile(
    r'\.part(\.|$)|\.lock$|\.log$|/vis_data/|/std(out|err)'
    r'|/\.[^/]*$')


class Outcome(NamedTuple):
    """What a series of faults has done.

    Attributes:
        faults (int): How many.
        lost (list[str]): A line for each result that was lost or damaged.
        executed (int): Payloads that ran.
        hung (list[str]): A line for each process that had to be killed.
        note (str): What else is worth telling.
    """
    faults: int
    lost: list
    hung: list
    executed: int = 0
    note: str = ''


def tell(*lines: str) -> None:
    """Progress."""
    print(*lines, sep='\n  ', file=sys.stderr, flush=True)


def damaged(folder: Path) -> Iterator[str]:
    """Files of final names that are not whole."""
    for path in sorted(folder.rglob('*')):
        if path.is_file() and not _UNFINISHED.search(str(path)):
            try:
                _read(path)
            except Exception as error:
                yield f'{path}: {error!r}'


def _read(path: Path) -> None:
    kind = path.suffix
    if kind in ('.png', '.jpg'):
        data = path.read_bytes()
        end = b'IEND\xaeB`\x82' if kind == '.png' else b'\xff\xd9'
        assert data.endswith(end) and cv2.imdecode(
            np.frombuffer(data, np.uint8), -1) is not None, 'cut off'
    elif kind == '.pth':
        read_checkpoint(path)
    elif kind == '.json':
        json.loads(path.read_text())
    elif kind == '.npy':
        np.load(path)
    elif kind == '.onnx':
        import onnx
        onnx.checker.check_model(str(path))
    elif kind == '.h5':
        import h5py
        with h5py.File(path) as file:
            assert file.keys(), 'empty'
    elif kind in ('.mp4', '.avi'):
        assert count_frames(path)[0] > 0, 'no frames'
    else:
        assert path.stat().st_size, 'empty'


def names(folder: Path) -> set:
    """Files of final names, without the time in those of logs."""
    return {
        re.sub(r'\d{8}_\d{6}', 'TIME', str(path.relative_to(folder)))
        for path in folder.rglob('*')
        if path.is_file() and not _UNFINISHED.search(str(path))
    }


def ended(process, hung: list, what: str) -> int:
    """Exit status; of a process that hangs, after its end by force."""
    process.join(HANGS)
    if process.exitcode is None:
        hung.append(what)
        process.kill()
        process.join()
    return process.exitcode


def kill_training(root: Path, work: Path) -> Outcome:
    """50 kills of one training; its weights are those of another without."""
    lost, hung, faults = [], [], 0
    config = root / 'configs/fusers/long.py'
    base = ROOT / 'configs/_base_/deterministic.py'
    config.write_text(
        f"_base_ = ['./stage1.py', {str(base)!r}]\n"
        "train_cfg = dict(max_iters=100000)\n"
        "train_dataloader = dict(sampler=dict(_delete_=True, "
        "type='DeterministicSampler', shuffle=True))\n"
        "default_hooks = dict(checkpoint=dict(interval=1, max_keep_ckpts=3))\n"
        "log_level = 'WARNING'\n")
    words = [config, '--work-dir', work / 'run', '--resume']
    newest = work / 'run/last_checkpoint'
    while faults < 50:
        before = newest.stat().st_mtime_ns if newest.exists() else None
        process = cases.start('train.py', words, work / 'log')
        if faults % 3:  # once it trains; else, while it starts
            while process.is_alive() and (not newest.exists() or
                                          newest.stat().st_mtime_ns == before):
                time.sleep(0.01)
        time.sleep(random.uniform(0, 1))
        process.kill()
        ended(process, hung, 'train.py')
        faults += 1
        lost += damaged(work / 'run')
    last = max(
        int(path.stem.partition('_')[2])
        for path in (work / 'run').glob('iter_*.pth'))
    stop = ['--cfg-options', f'train_cfg.max_iters={last + 5}']
    cases.finish('train.py', [*words, *stop], work / 'log')
    cases.finish('train.py', [config, '--work-dir', work / 'whole', *stop],
                 work / 'log')
    one, two = (read_checkpoint(work / name /
                                f'iter_{last + 5}.pth')['state_dict']
                for name in ('run', 'whole'))
    lost += [key for key, value in one.items() if not value.equal(two[key])]
    return Outcome(
        faults, lost, hung, note=f'{last} iterations, then weights '
        'equal to those of an uninterrupted training')


def kill_tools(root: Path, work: Path, only: Sequence[str] = ()) -> Outcome:
    """10 kills of every tool at any time; then it is run to the end."""
    lost, hung, faults = [], [], 0
    tools = sorted(only or cases.all_tools())
    for tool in tools:
        name = tool.replace('/', '_')
        whole, cut = work / f'{name}_whole', work / name
        start, before = time.monotonic(), len(lost)
        cases.finish(tool, cases.commands(root, whole)[tool], work / 'log')
        seconds = time.monotonic() - start
        for _ in range(10):
            words = cases.commands(root, cut)[tool]
            process = cases.start(tool, words, work / 'log')
            time.sleep(random.uniform(0, seconds))
            process.kill()
            ended(process, hung, tool)
            faults += 1
            lost += [f'{tool}: {line}' for line in damaged(cut)]
        try:
            cases.finish(tool, cases.commands(root, cut)[tool], work / 'log')
        except RuntimeError as error:
            lost.append(f'{tool}, run again: {error}')
        else:
            lost += [
                f'{tool}, run again: no {name}'
                for name in names(whole) - names(cut)
            ]
        tell(f'  {tool}: {seconds:.1f} s', *lost[before:])
    return Outcome(faults, lost, hung, note=f'{len(tools)} tools')


def stop_videos(root: Path, work: Path) -> Outcome:
    """50 times Ctrl-C or SIGTERM while frames are fused."""
    lost, hung, slowest = [], [], 0.
    tool = 'video_demo.py'
    for turn in range(50):
        out, log = work / f'{turn}', work / f'{turn}' / 'log'
        words = cases.commands(root, out)[tool]
        words[words.index('--json'):] = [
            '--device', 'cpu', '--source-fps', 1, '--fps', 200
        ]
        process = cases.start(tool, words, log)
        while not list(out.glob('*.part.avi')) and process.is_alive():
            time.sleep(0.01)
        time.sleep(random.uniform(0, 1))
        number = (signal.SIGINT, signal.SIGTERM)[turn % 2]
        sent = time.monotonic()
        os.kill(process.pid, number)
        if turn % 5 == 0:  # an impatient user
            time.sleep(0.02)
            os.kill(process.pid, number)
        while not (out / 'a.mp4').exists() and process.is_alive():
            time.sleep(0.005)
        slowest = max(slowest, time.monotonic() - sent)
        status = ended(process, hung, tool)
        told = (log / 'stderr').read_text()
        if status != 128 + number or 'Traceback' in told:
            lost.append(f'turn {turn}: exit status {status}\n{told[-2000:]}')
        if not (out / 'a.mp4').exists() or not count_frames(out / 'a.mp4')[0]:
            lost.append(f'turn {turn}: no video')
    if slowest > 2:
        lost.append(f'a video was complete after {slowest:.1f} s only')
    return Outcome(50, lost, hung,
                   note=f'complete after {slowest:.2f} s at most')


def flip_bits(root: Path, work: Path) -> Outcome:
    """200 flipped bits: refused, or the weights are the same."""
    work.mkdir()
    cases.finish(
        'train.py',
        [root / 'configs/fusers/stage1.py', '--work-dir', work / 'run'],
        work / 'log')
    lost, refused = [], 0
    whole = work / 'run/iter_2.pth'
    content, state = whole.read_bytes(), read_checkpoint(whole)['state_dict']
    for _ in range(200):
        place, bit = random.randrange(len(content)), random.randrange(8)
        changed = bytearray(content)
        changed[place] ^= 1 << bit
        (work / 'flipped.pth').write_bytes(changed)
        try:
            found = read_checkpoint(work / 'flipped.pth')['state_dict']
        except ValueError:
            refused += 1
            continue
        if found.keys() != state.keys() or any(
                not value.equal(state[key]) for key, value in found.items()):
            lost.append(f'bit {bit} of byte {place}: other weights')
    return Outcome(
        200, lost, [], note=f'{refused} refused, the others had '
        'the same weights')


def plant_payloads(root: Path, work: Path) -> Outcome:
    """A payload in every way in."""
    from tests.test_packaging import test_weights_are_data as planted
    refused, lost, executed, faults = planted.refused, [], 0, 0

    def counted(*args, **kwargs):
        nonlocal faults
        faults += 1
        refused(*args, **kwargs)

    planted.refused = counted
    for name, plant in planted.CASES.items():
        folder, mark = work / name, work / f'{name}.ran'
        folder.mkdir(parents=True)
        try:
            plant(folder, mark)
        except BaseException as error:
            lost.append(f'{name}: {error!r}')
        executed += mark.exists()
    return Outcome(faults, lost, [], executed,
                   f'{len(planted.ENTRIES)} readers')


PARTS: dict[str, tuple[str, Callable[..., Outcome]]] = dict(
    training=('kills of a training', kill_training),
    tools=('kills of each tool', kill_tools),
    videos=('Ctrl-C and SIGTERM while a video is made', stop_videos),
    flips=('flipped bits in checkpoints', flip_bits),
    payloads=('payloads in files of weights', plant_payloads))


def table(outcomes: dict[str, Outcome]) -> str:
    """The outcomes in Markdown."""
    lines = [
        '| fault | times | lost | executed | hung | |',
        '|---|---|---|---|---|---|'
    ]
    lines += [
        f'| {PARTS[name][0]} | {outcome.faults} | {len(outcome.lost)} | '
        f'{outcome.executed} | {len(outcome.hung)} | {outcome.note} |'
        for name, outcome in outcomes.items()
    ]
    return '\n'.join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--only', nargs='+', choices=PARTS, default=PARTS)
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument('--markdown', type=Path, metavar='FILE',
                        help='write the table there, too')
    parser.add_argument('--tools', nargs='+', default=(),
                        choices=sorted(cases.all_tools()), metavar='TOOL',
                        help='kill these alone, e.g. test_fusion.py')
    args = parser.parse_args()
    random.seed(args.seed)
    outcomes = {}
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder, 'material')
        cases.make_material(root)
        for name in args.only:
            tell(f'{PARTS[name][0]} ...')
            own = (args.tools, ) if name == 'tools' else ()
            outcomes[name] = PARTS[name][1](root, Path(folder, name), *own)
            tell('', *outcomes[name].lost, *outcomes[name].hung)
    print(table(outcomes))
    if args.markdown:
        args.markdown.write_text(table(outcomes) + '\n')
    return int(
        any(outcome.lost or outcome.hung or outcome.executed
            for outcome in outcomes.values()))


if __name__ == '__main__':
    sys.exit(main())
