"""Measure the fusion metrics on one thread against their plain definitions.

    python benchmarks/fusion_metrics.py [--repeats N] [--all] [--json]
    python benchmarks/fusion_metrics.py --workers 2

Times sets of metrics on a 480x640 triple, each from bare arrays to numbers,
in turn with ``benchmarks/naive/fusion_metrics.py``, and checks that both give
the same values. Then every metric alone. ``--workers`` instead measures a
folder with one process and with several. Run it on an idle machine.
"""
import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

for _name in ('OMP_NUM_THREADS', 'OPENBLAS_NUM_THREADS', 'MKL_NUM_THREADS'):
    os.environ[_name] = '1'  # read when NumPy is imported

import cv2
import numpy as np

from mmfusion.datasets.synthetic import generate_scene
from mmfusion.evaluation import SourceContext, compute
from mmfusion.evaluation.folders import FolderEvaluation
from mmfusion.functional import FUSION_METRICS

sys.path.insert(0, str(Path(__file__).resolve().parent))
from naive import fusion_metrics as naive

#: metrics of a set, how many times as fast the project promises to be
SETS = {
    'film': (naive.FILM, 30),
    'six columns of a table': (naive.TABLE, 40),
    'vifb, one channel': (naive.VIFB, 20),
}
FMI_LIMIT = 1500.  # milliseconds


def triple(seed: int = 3) -> list[np.ndarray]:
    """Fused image (the mean), infrared and visible luma, uint8, 480x640."""
    scene = generate_scene(seed)
    vis = cv2.cvtColor(scene['vis'], cv2.COLOR_RGB2GRAY)
    ir = scene['ir']
    return [cv2.addWeighted(ir, 0.5, vis, 0.5, 0), ir, vis]


def milliseconds(call: Callable[[], Any]) -> float:
    """Duration of one call."""
    start = time.perf_counter()
    call()
    return 1e3 * (time.perf_counter() - start)


def time_set(name: str, images: list[np.ndarray],
             repeats: int) -> dict[str, Any]:
    """Both sides in turn, after one call each to warm up."""
    functions, target = SETS[name]
    fused, ir, vis = images
    floats = [image.astype(np.float64) for image in images]

    def ours() -> dict[str, float]:
        return compute(fused, (ir, vis), metrics=list(functions))

    def plain() -> dict[str, float]:
        return {key: float(call(*floats)) for key, call in functions.items()}

    difference = max(
        abs(x - y) / max(abs(y), 1e-12)
        for x, y in zip(ours().values(),
                        plain().values(), strict=True))
    times = [(milliseconds(ours), milliseconds(plain)) for _ in range(repeats)]
    own, base = (median(column) for column in zip(*times, strict=True))
    return dict(set=name, metrics=len(functions), milliseconds=own,
                plain_milliseconds=base, ratio=median(b / o for o, b in times),
                target=target, largest_relative_difference=difference)


def time_alone(key: str, images: list[np.ndarray],
               repeats: int) -> dict[str, Any]:
    """One metric, alone and with the source side known."""
    fused, *sources = images
    scene = SourceContext(sources)
    compute(fused, scene, key)
    alone = [
        milliseconds(lambda: compute(fused, sources, key))
        for _ in range(repeats)
    ]
    reused = [
        milliseconds(lambda: compute(fused, scene, key))
        for _ in range(repeats)
    ]
    return dict(metric=key, milliseconds=median(alone), reused=median(reused))


def write_folders(root: Path, number: int) -> None:
    """``fused``, ``ir`` and ``vis`` with PNG files of shifted scenes."""
    for folder in ('fused', 'ir', 'vis'):
        (root / folder).mkdir()
    for index in range(number):
        if index % 8 == 0:
            images = triple(index)
        for folder, image in zip(('fused', 'ir', 'vis'), images, strict=True):
            shifted = np.roll(image, 5 * (index % 8), 1)
            cv2.imwrite(str(root / folder / f'{index:03d}.png'), shifted)


def time_workers(workers: int, number: int, repeats: int) -> dict[str, Any]:
    """Images a second of a folder, files and start of processes included."""
    rates: dict[int, list[float]] = {1: [], workers: []}
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        write_folders(root, number)
        for repeat in range(repeats):
            for count, found in rates.items():
                evaluation = FolderEvaluation(
                    dict(fused=root / 'fused'),
                    dict(ir=root / 'ir', vis=root / 'vis'),
                    root / f'out_{count}_{repeat}')
                spent = milliseconds(lambda e=evaluation, n=count: e.run(n))
                found.append(1e3 * number / spent)
    ratio = median(many / one
                   for one, many in zip(*rates.values(), strict=True))
    return dict(images=number, workers=workers,
                one_per_second=median(rates[1]),
                many_per_second=median(rates[workers]), ratio=ratio)


def table(sets: list[dict], metrics: list[dict]) -> str:
    """The records as Markdown."""
    lines = [
        '| set, 480x640, one thread | metrics | ms | plain, ms | ratio | '
        'promised | largest difference |', '|---|---|---|---|---|---|---|'
    ]
    lines += [
        f'| {row["set"]} | {row["metrics"]} | {row["milliseconds"]:.1f} | '
        f'{row["plain_milliseconds"]:.0f} | {row["ratio"]:.1f} | '
        f'{row["target"]} | {row["largest_relative_difference"]:.0e} |'
        for row in sets
    ]
    lines += [
        '', '| metric | ms, alone | ms, sources known |', '|---|---|---|'
    ]
    lines += [
        f'| `{row["metric"]}` | {row["milliseconds"]:.2f} | '
        f'{row["reused"]:.2f} |' for row in metrics
    ]
    missed = [row['set'] for row in sets if row['ratio'] < row['target']]
    missed += [
        row['metric'] for row in metrics
        if row['metric'].startswith('FMI:pixel')
        and row['milliseconds'] > FMI_LIMIT
    ]
    lines += [
        '', f'Missed: {", ".join(missed)}.'
        if missed else 'Everything as promised.'
    ]
    return '\n'.join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--repeats', type=int, default=9,
                        help='calls that medians are over')
    parser.add_argument('--all', action='store_true',
                        help='every variant alone, not just the defaults')
    parser.add_argument('--json', action='store_true',
                        help='print JSON instead of a table')
    parser.add_argument(
        '--workers', type=int,
        help='measure a folder with as many processes, and with one')
    parser.add_argument('--images', type=int, default=256,
                        help='images of that folder')
    args = parser.parse_args()
    cv2.setNumThreads(1)
    if args.workers:
        row = time_workers(args.workers, number=args.images, repeats=3)
        print(
            json.dumps(row, indent=2) if args.
            json else '| images | 1 process, images/s | '
            f'{args.workers} processes, images/s | ratio |\n'
            '|---|---|---|---|\n'
            f'| {row["images"]} | {row["one_per_second"]:.2f} | '
            f'{row["many_per_second"]:.2f} | {row["ratio"]:.2f} |')
        return
    images = triple()
    sets = [time_set(name, images, args.repeats) for name in SETS]
    metrics = [
        time_alone(key, images, args.repeats)
        for key, spec in FUSION_METRICS.items()
        if (args.all or spec.default) and not spec.needs_weights
    ]
    print(
        json.dumps(dict(sets=sets, metrics=metrics), indent=2) if args.
        json else table(sets, metrics))


if __name__ == '__main__':
    main()
