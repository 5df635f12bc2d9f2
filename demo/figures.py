"""Numbers and curves of the demo's runs, read from what the tools wrote."""
import html
import json
from pathlib import Path

import cv2
import numpy as np
import torch
from mmseg.evaluation import IoUMetric

from mmfusion.datasets.sets.mfnet import MFNET_CLASSES
from mmfusion.fileio import data_paths, read_image

_COLOURS = ('#2563eb', '#dc2626', '#d97706', '#059669')
_WIDTH, _HEIGHT = 460, 250
_LEFT, _RIGHT, _TOP, _BOTTOM = 44, 16, 26, 30  # margins

Points = list[tuple[float, float]]


def read_scores(folder: Path, run: str, labels: Path) -> dict:
    """mIoU that tools/test.py reported, and the IoU of each class.

    Args:
        folder (Path): Work folder of the demo.
        run (str): A training run.
        labels (Path): Folder of the true label maps.

    Returns:
        dict: ``mIoU`` (float, %) and ``IoU`` (list[float], % a class; NaN
        for a class that neither occurs nor is predicted).

    Raises:
        FileNotFoundError: If the run has not been scored.
        ValueError: If mIoU is not the mean of the classes' IoU.
    """
    reports = sorted((folder / run / 'score').glob('eval_*.json'))
    if not reports:
        raise FileNotFoundError(
            f'Expected {folder / run / "score"}/eval_*.json, got none. Run '
            'tools/test.py --eval mIoU first.')
    mean = json.loads(reports[-1].read_text())['metric']['mIoU']
    count = len(MFNET_CLASSES)
    intersection, union = torch.zeros(count), torch.zeros(count)
    for path in data_paths(folder / run / 'labels', '*.png'):
        maps = [
            torch.from_numpy(
                read_image(str(file), cv2.IMREAD_UNCHANGED).astype(np.int64))
            for file in (path, labels / path.name)
        ]
        shared, either, _, _ = IoUMetric.intersect_and_union(*maps, count, 255)
        intersection += shared
        union += either
    iou = (100 * intersection / union).tolist()
    if abs(np.nanmean(iou) - mean) > 0.02:
        raise ValueError(
            f'Expected the mean IoU {mean} of {run} from its label maps, got '
            f'{np.nanmean(iou):.2f}. Run the demo with --fresh.')
    return dict(mIoU=mean, IoU=iou)


def read_series(run_folder: Path, keys: tuple[str, ...]) -> dict[str, Points]:
    """Scalars over iterations from the newest ``scalars.json`` of a run."""
    files = sorted(run_folder.glob('*/vis_data/scalars.json'))
    series: dict[str, Points] = {key: [] for key in keys}
    for line in files[-1].read_text().splitlines() if files else ():
        entry = json.loads(line)
        for key in keys:
            if key in entry:
                series[key].append((entry['step'], entry[key]))
    return series


def line_chart(title: str, curves: dict[str, Points]) -> str:
    """Up to four curves as an inline SVG with axes, ticks and a legend."""
    points = [point for curve in curves.values() for point in curve]
    if not points:
        return ''
    right = max(x for x, _ in points) or 1
    low, top = min(0, min(y for _, y in points)), max(y for _, y in points)
    top = top if top > low else low + 1

    def place(x, y):
        return (_LEFT + (_WIDTH - _LEFT - _RIGHT) * x / right,
                (_HEIGHT - _BOTTOM) - (_HEIGHT - _BOTTOM - _TOP) * (y - low) /
                (top - low))

    parts = [
        f'<text x="{_LEFT}" y="14" class="title">{html.escape(title)}'
        '</text>'
    ]
    for share in (0, 0.25, 0.5, 0.75, 1):
        value = low + share * (top - low)
        _, y = place(0, value)
        parts.append(f'<line x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y:.1f}" '
                     f'y2="{y:.1f}" class="grid"/><text x="{_LEFT - 6}" '
                     f'y="{y + 4:.1f}" text-anchor="end">{value:.3g}</text>')
        x, _ = place(share * right, low)
        parts.append(f'<text x="{x:.1f}" y="{_HEIGHT - 12}" '
                     f'text-anchor="middle">{share * right:.0f}</text>')
    for curve, colour in zip(curves.values(), _COLOURS, strict=False):
        if not curve:
            continue
        path = ' '.join('{:.1f},{:.1f}'.format(*place(x, y)) for x, y in curve)
        parts.append(f'<polyline points="{path}" stroke="{colour}"/>')
        if len(curve) < 12:
            parts += [
                '<circle cx="{:.1f}" cy="{:.1f}" r="3" fill="{}"/>'.format(
                    *place(x, y), colour) for x, y in curve
            ]
    legend = ''.join(
        f'<span><i style="background:{colour}"></i>{html.escape(name)}</span>'
        for name, colour in zip(curves, _COLOURS, strict=False))
    return (f'<div class="chart"><svg viewBox="0 0 {_WIDTH} {_HEIGHT}" '
            f'role="img">{"".join(parts)}</svg>'
            f'<div class="legend">{legend}</div></div>')


def comparison_curves(folder: Path, runs: dict[str, str]) -> str:
    """Segmentation loss and validation mIoU of all runs."""
    loss, score = 'segmentor.decode.loss_ce', 'mIoU'
    series = {run: read_series(folder / run, (loss, score)) for run in runs}
    return ''.join(
        line_chart(title, {
            run: found[key] for run, found in series.items()
        }) for title, key in (('segmentation loss over iterations', loss),
                              ('validation mIoU over iterations', score)))
