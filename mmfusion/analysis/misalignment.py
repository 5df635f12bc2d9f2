"""How a student's scores fall when the cameras are out of register."""
import contextlib
import csv
import math
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from torch import nn

from mmfusion.apis.pairs import Pair, PairReader
from mmfusion.datasets.transforms.misalign import warp_channels
from mmfusion.evaluation.metrics import DistillMetric
from mmfusion.models.registration import matrix_offsets
from mmfusion.registry import DATASETS
from mmfusion.utils.errors import UsageError
from mmfusion.utils.files import finished_file
from mmfusion.utils.progress import track

MODES = ('off', 'on')
FIELDS = ('registration', 'shift', 'images', 'SSIM', 'PSNR', 'left')


def misalignment_scores(
        model: nn.Module, cfg: Config, shifts: Sequence[float],
        directions: int = 4, modes: Sequence[str] = MODES
) -> tuple[list[dict[str, object]], list[str]]:
    """Shift the infrared images of a config's test set and score.

    The target stays the teacher's image of the pair as it was. Where the
    shift leaves nothing to show, the infrared image is mirrored.

    Args:
        model (nn.Module): A wrapper.
        cfg (Config): With a ``test_dataloader`` of pairs with a teacher.
        shifts (sequence[float]): Lengths, pixels.
        directions (int): How many, evenly around the circle from the right
            on; one for a shift of 0.
        modes (sequence[str]): ``'off'``, ``'on'``: without and with the
            model's registration.

    Returns:
        tuple[list[dict], list[str]]: A row for each mode and shift, with
        means of ``SSIM`` and ``PSNR`` (see :class:`DistillMetric`) and of
        the misalignment ``left``, pixels; and the pairs that failed, with
        the reason.

    Raises:
        UsageError: If the model has no registration to switch on, or the
            config no test set.
    """
    if 'on' in modes and model.registration is None:
        raise UsageError(
            'Expected a model with a registration head, got none. Use '
            '--registration off, or a config with '
            "registration=dict(type='RegistrationHead').")
    if not cfg.get('test_dataloader'):
        raise UsageError(f'{cfg.filename}: expected a test_dataloader, got '
                         'none.')
    reader = PairReader(DATASETS.build(cfg.test_dataloader.dataset))
    rows: dict[tuple[str, float, int], list[dict[str, float]]] = {}
    failed: list[str] = []
    metric = DistillMetric(references=('SSIM', 'PSNR'), metrics=('EN', ))

    def run(pairs: list[Pair]) -> list[dict]:
        return [{
            (mode, shift, turn):
            _score(model, pair.item, matrix, mode == 'on', metric)
            for shift in dict.fromkeys(shifts)
            for turn, matrix in enumerate(_matrices(shift, directions))
            for mode in modes
        } for pair in pairs]

    for pair in track(reader.run(run), len(reader)):
        if pair.failure:
            failed.append(': '.join(pair.failure))
            continue
        for key, row in pair.result.items():
            rows.setdefault(key, []).append(row)
    return _means(rows), failed


def _matrices(shift: float, directions: int) -> Iterator[np.ndarray]:
    for turn in range(directions if shift else 1):
        angle = 2 * math.pi * turn / directions
        matrix = np.eye(3)
        # whole pixels stay whole: no blur but where it must be
        matrix[:2, 2] = np.round(
            (shift * math.cos(angle), shift * math.sin(angle)), 6)
        yield matrix


def _score(model: nn.Module, item: dict, matrix: np.ndarray, on: bool,
           metric: DistillMetric) -> dict[str, float]:
    """Scores of one pair, shifted."""
    sample = item['data_samples'].clone()
    other = model.roles.task.other
    stack = warp_channels(
        np.ascontiguousarray(item['inputs'].permute(1, 2, 0).numpy()),
        sample.modalities[other], matrix)
    inputs = torch.from_numpy(stack).permute(2, 0, 1)
    data = model.data_preprocessor(
        pseudo_collate([dict(inputs=inputs, data_samples=sample)]), False)
    with registration_switched(model, on):
        output = model.fuse(data['inputs'], data['data_samples'])
        sample, = model.add_fused(output, data['inputs'], data['data_samples'])
    like = data['inputs']
    left = matrix_offsets(
        torch.from_numpy(matrix)[None].to(like), *like.shape[2:])
    if on:
        left = left - output.aux['registration.offset']
    metric.process(None, [sample])
    row = metric.results.pop().values
    return dict(SSIM=row['SSIM'], PSNR=row['PSNR'],
                left=left.norm(dim=1).mean().item())


@contextlib.contextmanager
def registration_switched(model: nn.Module, on: bool) -> Iterator[None]:
    """The model without its registration head, where not ``on``."""
    head = model.registration
    if not on:
        model.registration = None
    try:
        yield
    finally:
        model.registration = head


def _means(
    rows: dict[tuple[str, float, int], list[dict[str, float]]]
) -> list[dict[str, object]]:
    groups: dict[tuple[str, float], list[dict[str, float]]] = {}
    for (mode, shift, _), values in rows.items():
        groups.setdefault((mode, shift), []).extend(values)
    order = sorted(groups, key=lambda key: MODES.index(key[0]))
    return [
        dict(
            zip(FIELDS, (*key, len(groups[key])), strict=False), **{
                name: float(np.mean([row[name] for row in groups[key]]))
                for name in FIELDS[3:]
            }) for key in order
    ]


def write_rows(path: Path, rows: list[dict[str, object]]) -> None:
    """Write a CSV file; it appears complete or not at all."""
    with finished_file(path) as draft, open(draft, 'w', newline='',
                                            encoding='utf-8') as file:
        writer = csv.DictWriter(file, FIELDS)
        writer.writeheader()
        writer.writerows(rows)


def as_markdown(rows: list[dict[str, object]]) -> str:
    """The table that the tool prints."""
    lines = [
        '| registration | shift, px | SSIM | PSNR, dB | left, px |',
        '|---|---|---|---|---|'
    ]
    lines += [
        f'| {row["registration"]} | {row["shift"]:g} | {row["SSIM"]:.4f} | '
        f'{row["PSNR"]:.2f} | {row["left"]:.2f} |' for row in rows
    ]
    return '\n'.join(lines)
