"""One self-contained HTML page with pictures, curves and tables."""
import base64
import html
from collections.abc import Mapping, Sequence
from pathlib import Path
from string import Template

import cv2
import numpy as np
from figures import comparison_curves, read_scores
from steps import Step

from mmfusion.datasets.sets.mfnet import MFNET_CLASSES, MFNET_PALETTE
from mmfusion.fileio import image_files, read_image
from mmfusion.utils.files import write_text
from mmfusion.visualization import draw_legend, overlay_labels, resize_like
from mmfusion.visualization.html import (PAGE_STYLE, data_uri, html_figure,
                                         html_table)

#: training run -> what its segmentor sees
RUNS = dict(visible='visible alone', infrared='infrared alone',
            frozen='fused by stage 1, fuser frozen',
            joint='fused, fuser trained jointly')
_HERE = Path(__file__).resolve().parent
_PANELS = 6
#: heading and text of the table of scores
_FOUR = ('What fusion is for', 'The same SegFormer-B0, from the same seed, '
         'with the same data and number of iterations. Only what it looks at '
         'differs. IoU in percent on the validation pairs, the best of each '
         'line in colour.')
_ONE = ('What is found in the fused images', 'SegFormer-B0, trained jointly '
        'with the fuser. IoU in percent on the validation pairs.')


def read_rgb(folder: Path, stem: str) -> np.ndarray:
    """The image ``folder/stem.*`` as RGB."""
    for path in image_files(folder):
        if path.stem == stem:
            return read_image(str(path), cv2.IMREAD_COLOR)[..., ::-1].copy()
    raise FileNotFoundError(f'Expected an image {stem}.* in {folder}, got '
                            'none. Run the demo with --fresh.')


def read_labels(folder: Path, stem: str) -> np.ndarray:
    """The label map ``folder/stem.png``, (H, W)."""
    path = folder / f'{stem}.png'
    if not path.is_file():
        raise FileNotFoundError(f'Expected a label map {stem}.png in '
                                f'{folder}, got none. Run the demo with '
                                '--fresh.')
    return read_image(str(path), cv2.IMREAD_UNCHANGED)


def choose(stems: Sequence[str], labels: Path, count: int) -> list[str]:
    """Spread over the set, in each part the pair with most classes.

    The choice looks at the ground truth only, never at a prediction.
    """
    parts = np.array_split(np.array(stems), min(count, len(stems)))
    return [
        str(
            max(part,
                key=lambda stem: len(np.unique(read_labels(labels, stem)))))
        for part in parts
    ]


def panel(
    folder: Path, stem: str,
    runs: Sequence[str] = tuple(RUNS)) -> list[tuple[str, np.ndarray]]:
    """Captions and pictures of one validation pair."""
    source = folder / 'data' / 'val'
    vis = read_rgb(source / 'vis', stem)
    size = vis.shape[:2]
    tiles = [
        ('visible', vis),
        ('infrared', resize_like(read_rgb(source / 'ir', stem), size)),
        ('fused, stage 1', read_rgb(folder / 'stage1' / 'fused', stem)),
        ('fused, joint', read_rgb(folder / 'joint' / 'fused', stem)),
        ('ground truth',
         overlay_labels(vis, read_labels(source / 'label', stem),
                        MFNET_PALETTE)),
    ]
    for run in runs:
        ground = dict(tiles)[dict(visible='visible', infrared='infrared',
                                  frozen='fused, stage 1',
                                  joint='fused, joint')[run]]
        predicted = read_labels(folder / run / 'labels', stem)
        tiles.append((f'prediction: {run}',
                      overlay_labels(ground, predicted, MFNET_PALETTE)))
    return [(name, resize_like(image, size)) for name, image in tiles]


def score_table(scores: dict[str, dict]) -> str:
    """mIoU and IoU of each class, the best of each line in bold."""

    def cells(values):
        best = np.nanmax(values) if np.isfinite(values).any() else np.nan
        return [
            '&ndash;' if np.isnan(value) else
            f'<b>{value:.1f}</b>' if value == best > 0 else f'{value:.1f}'
            for value in values
        ]

    rows = [['<strong>mIoU</strong>'] +
            cells(np.array([score['mIoU'] for score in scores.values()]))]
    for index, name in enumerate(MFNET_CLASSES):
        rows.append(
            [html.escape(name)] +
            cells(np.array([score['IoU'][index]
                            for score in scores.values()])))
    return html_table(['class'] + [RUNS[run] for run in scores], rows)


def summary(scores: dict[str, dict]) -> str:
    """What the numbers say, in one sentence, whatever they are."""
    values = {run: score['mIoU'] for run, score in scores.items()}
    if list(values) == ['joint']:
        return (f'Fused by a network that was trained jointly with it, '
                f'SegFormer-B0 reaches {values["joint"]:.1f} mIoU. What that '
                'is worth beside one modality alone, and behind a frozen '
                'fuser, shows make demo ARGS=--full.')
    single = max(('visible', 'infrared'), key=values.get)
    joint, alone = values['joint'], values[single]
    gain = joint - alone
    verdict = (f'{abs(gain):.1f} points {"above" if gain > 0 else "below"}')
    return (f'Joint fusion reaches {joint:.1f} mIoU, {verdict} the better '
            f'single modality ({single}, {alone:.1f}); with the frozen '
            f'stage-1 fuser it is {values["frozen"]:.1f}.')


def write_first_look(folder: Path) -> Path:
    """Write ``folder/first_look.html``: pairs fused by the weights in the box.

    Raises:
        FileNotFoundError: If a pair or a fused image is missing.
    """
    first = folder / 'first'
    rows = []
    for path in image_files(first / 'fused'):
        images = {
            name: read_rgb(place, path.stem)
            for name, place in dict(visible=first / 'data' / 'val' /
                                    'vis', infrared=first / 'data' / 'val' /
                                    'ir', fused=first / 'fused').items()
        }
        rows.append('<div class="panel">' + ''.join(
            html_figure(name, data_uri(image))
            for name, image in images.items()) + '</div>')
    text = Template((_HERE / 'first_look.html').read_text()).substitute(
        style=PAGE_STYLE, panels='\n'.join(rows))
    target = folder / 'first_look.html'
    write_text(target, text)
    return target


def write_page(folder: Path, steps: list[Step], records: dict[str, dict],
               source: str, runs: Mapping[str, str] = RUNS) -> Path:
    """Write ``folder/index.html``.

    Args:
        folder (Path): Work folder of the demo, with all results.
        steps (list[Step]): The commands, in order.
        records (dict): Step to its command and seconds.
        source (str): ``'synthetic'`` or ``'real'`` pairs.
        runs (mapping): The trainings of SegFormer, and what they see.

    Returns:
        Path: The page.

    Raises:
        FileNotFoundError: If a result is missing.
    """
    source_folder = folder / 'data' / 'val'
    scores = {
        run: read_scores(folder, run, source_folder / 'label') for run in runs
    }
    stems = [path.stem for path in image_files(source_folder / 'label')]
    groups = []
    for stem in choose(stems, source_folder / 'label', _PANELS):
        figures = ''.join(
            html_figure(name, data_uri(image))
            for name, image in panel(folder, stem, tuple(runs)))
        groups.append(f'<h3>{html.escape(stem)}</h3>'
                      f'<div class="panel">{figures}</div>')
    legend = draw_legend(MFNET_CLASSES, MFNET_PALETTE, 900, 14)
    commands = html_table(['step', 'command', 'seconds'], [[
        html.escape(step.title),
        f'<code>{html.escape(records[step.name]["command"])}</code>',
        f'{records[step.name]["seconds"]:.0f}'
    ] for step in steps])
    details = ''.join(
        f'<details><summary>{html.escape(title)}</summary>' +
        html_figure(f'{run}/curves.png', _png_uri(folder / run /
                                                  'curves.png')) + '</details>'
        for run, title in dict(stage1='stage 1 (fuser alone)', **runs).items())
    total = sum(records[step.name]['seconds'] for step in steps) / 60
    text = Template((_HERE / 'page.html').read_text()).substitute(
        style=PAGE_STYLE, source=html.escape(source), pairs=len(stems),
        summary=html.escape(summary(scores)), scores=score_table(scores),
        curves=comparison_curves(folder, dict(runs)), panels='\n'.join(groups),
        legend=data_uri(legend, 95), details=details, commands=commands,
        minutes=f'{total:.1f}', heading=_FOUR[0] if len(runs) > 1 else _ONE[0],
        lead=_FOUR[1] if len(runs) > 1 else _ONE[1])
    target = folder / 'index.html'
    write_text(target, text)
    return target


def _png_uri(path: Path) -> str:
    return 'data:image/png;base64,' + base64.b64encode(
        path.read_bytes()).decode()
