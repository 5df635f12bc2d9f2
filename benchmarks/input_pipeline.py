"""Measure the input pipeline: pairs a second on one core and on workers.

    python benchmarks/input_pipeline.py [--json]

Writes a few 480x640 pairs as PNG into a temporary folder and times the
pipeline on them, file access and decoding included, in one process with one
thread; then a DataLoader. Medians over rounds. Run it on an idle machine.
"""
import argparse
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import cv2
import numpy as np
import torch
from mmengine.dataset import pseudo_collate
from mmengine.registry import init_default_scope
from torch.utils.data import DataLoader

from mmfusion.datasets import DeterministicSampler, MFNetDataset

TARGET = 60  # pairs a second and core

LOAD = [dict(type='LoadFusionPair')]
LABEL = [dict(type='LoadFusionAnnotations')]
MAPS = [dict(type='DeriveFusionMaps')]
RESIZE = [
    dict(type='RandomResize', scale=(640, 480), ratio_range=(0.5, 2.0),
         keep_ratio=True)
]
CROP = [dict(type='RandomCrop', crop_size=(240, 320), cat_max_ratio=0.75)]
FLIP = [dict(type='RandomFlip', prob=0.5)]
PHOTOMETRIC = [
    dict(type='OnModality', modality=name,
         transforms=[dict(type='mmseg.PhotoMetricDistortion')])
    for name in ('vis', 'ir')
]
PACK = [dict(type='PackFusionInputs')]
RECIPES = {
    'pair: load, resize, crop, flip, pack':
    LOAD + RESIZE + CROP + FLIP + PACK,
    'with label':
    LOAD + LABEL + RESIZE + CROP + FLIP + PACK,
    'with label and derived maps':
    LOAD + LABEL + MAPS + RESIZE + CROP + FLIP + PACK,
    'with label and photometric distortion (BFFR)':
    LOAD + LABEL + RESIZE + CROP + FLIP + PHOTOMETRIC + PACK,
}


def write_pairs(root: Path, number: int) -> None:
    """PNG pairs that compress about as badly as photographs do."""
    rng = np.random.default_rng(0)
    for folder in ('vis', 'ir', 'labels'):
        (root / folder).mkdir()
    for stem in range(number):
        scene = cv2.GaussianBlur(rng.integers(0, 256, (480, 640, 3), np.uint8),
                                 (0, 0), 3)
        scene = scene.astype(int) + rng.integers(-2, 3, scene.shape)
        scene = scene.clip(0, 255).astype(np.uint8)
        label = np.zeros((480, 640), np.uint8)
        for value in range(1, 4):
            y, x = rng.integers(0, 380), rng.integers(0, 540)
            label[y:y + 80, x:x + 100] = value
        for folder, image in (('vis', scene), ('ir', scene[..., 0]), ('labels',
                                                                      label)):
            cv2.imwrite(str(root / folder / f'{stem}.png'), image)


def seconds(call: Callable[[], object]) -> float:
    """Duration of one call."""
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def one_core(dataset: MFNetDataset, rounds: int) -> dict[str, object]:
    """Pairs a second in this process, and milliseconds of each step."""
    number = len(dataset)
    steps: dict[str, list[float]] = {}
    totals = []
    for index in range((rounds + 1) * number):
        sample = dataset.get_data_info(index % number)
        total = 0.0
        for place, transform in enumerate(dataset.pipeline.transforms):
            start = time.perf_counter()
            sample = transform(sample)
            spent = time.perf_counter() - start
            total += spent
            if index >= number:  # the first round warms up
                name = f'{place} {type(transform).__name__}'
                steps.setdefault(name, []).append(spent)
        if index >= number:
            totals.append(total)
    means = [
        sum(totals[i:i + number]) / number
        for i in range(0, len(totals), number)
    ]
    return dict(
        pairs_per_second=1 / median(means), milliseconds={
            name: 1e3 * median(spent) for name, spent in steps.items()
        })


def loader(dataset: MFNetDataset, workers: int, rounds: int) -> float:
    """Pairs a second out of a DataLoader that nothing slows down."""
    batches = iter(
        DataLoader(dataset, batch_size=4, num_workers=workers,
                   sampler=DeterministicSampler(dataset, seed=0),
                   collate_fn=pseudo_collate))
    per_round = 12
    for _ in range(per_round):  # start-up and the queue's first filling
        next(batches)
    times = [
        seconds(lambda: [next(batches) for _ in range(per_round)])
        for _ in range(rounds)
    ]
    return per_round * 4 / median(times)


def measure(rounds: int, workers: int) -> list[dict[str, object]]:
    """One record a recipe."""
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        write_pairs(Path(folder), 12)
        for name, pipeline in RECIPES.items():
            dataset = MFNetDataset(folder, pipeline=pipeline)
            np.random.seed(0)
            row = dict(recipe=name, **one_core(dataset, rounds))
            row['workers'] = workers
            row['loader_pairs_per_second'] = loader(dataset, workers, rounds)
            rows.append(row)
    return rows


def table(rows: list[dict[str, object]]) -> str:
    """The records as Markdown."""
    workers = rows[0]['workers']
    lines = [
        '| 480x640 PNG to 240x320 | pairs/s, one core | '
        f'pairs/s, {workers} workers |', '|---|---|---|'
    ]
    lines += [
        f'| {row["recipe"]} | {row["pairs_per_second"]:.0f} | '
        f'{row["loader_pairs_per_second"]:.0f} |' for row in rows
    ]
    lines += ['', '| step of the last recipe | ms |', '|---|---|']
    lines += [
        f'| {name} | {value:.2f} |'
        for name, value in rows[-1]['milliseconds'].items()
    ]
    reached = rows[1]['pairs_per_second'] >= TARGET
    lines += [
        '', f'Target of {TARGET} pairs/s a core with label: '
        f'{"reached" if reached else "missed"}.'
    ]
    return '\n'.join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--rounds', type=int, default=9,
                        help='rounds that medians are over')
    parser.add_argument('--workers', type=int, default=2,
                        help='workers of the DataLoader')
    parser.add_argument('--json', action='store_true',
                        help='print JSON instead of a table')
    args = parser.parse_args()
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    init_default_scope('mmfusion')
    rows = measure(args.rounds, args.workers)
    print(json.dumps(rows, indent=2) if args.json else table(rows))


if __name__ == '__main__':
    main()
