"""A data set of synthetic scenes on disk."""
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mmfusion.fileio.paths import check_outputs, name_below
from mmfusion.utils.errors import UsageError
from mmfusion.utils.files import write_text

from ..boxes.coco import Box, ImageBoxes, to_coco
from ..conversion import run_jobs, write_png
from ..sets.mfnet import MFNET_CLASSES, MFNET_PALETTE
from .classes import BOX_CLASSES
from .scene import checked_size, generate_scene

# Raised whenever equal seeds give other images than before.
VERSION = 1
_FIRST_NUMBER = dict(train=0, val=50000)
_SUFFIXES = dict(vis='.png', ir='.png', label='.png', boxes='.json')


@dataclass(frozen=True)
class _Job:
    folder: Path
    number: int
    night: bool
    seed: int
    size: tuple[int, int]

    @property
    def stem(self) -> str:
        return f'{self.number:05d}' + ('N' if self.night else 'D')

    @property
    def paths(self) -> list[Path]:
        return _paths(self.folder, self.stem)

    def __str__(self) -> str:
        return str(self.folder / self.stem)


def _paths(folder: Path, stem: str) -> list[Path]:
    """Files of a pair: visible, infrared, label map, boxes."""
    return [
        folder / name / f'{stem}{suffix}'
        for name, suffix in _SUFFIXES.items()
    ]


def write_dataset(out, train: int = 160, val: int = 40,
                  size: tuple[int, int] = (480, 640), seed: int = 0,
                  workers: int = 0, night_ratio: float = 0.5,
                  overwrite: bool = False) -> dict:
    """Write ``<out>/{train,val}/{vis,ir,label}/NAME.png``, and the boxes.

    ``<out>/annotations/{train,val}.json`` are COCO JSONs with the time of
    day as ``condition``; ``<out>/{train,val}/boxes/NAME.json`` hold the same
    boxes pair by pair.

    Names are a number and D (day) or N (night), as in MFNet; ``val``
    starts at 50000. Image and name depend on ``seed``, the number, ``size``
    and ``night_ratio`` alone, not on ``workers`` or how many there are.
    ``<out>/meta.json`` holds these settings, classes, palette and the time
    of day of each stem. Pairs that are complete on disk are kept, so an
    interrupted run goes on where it stopped.

    Args:
        out (str | Path): The folder.
        train, val (int): Number of pairs, each up to 50000.
        size (tuple[int, int]): (height, width).
        seed (int): 0 or more.
        workers (int): Processes; 0 and 1 work in this one.
        night_ratio (float): Share of night scenes, 0 to 1.
        overwrite (bool): Make existing pairs again, and remove those of
            an earlier run that are no longer asked for.

    Returns:
        dict: The content of ``meta.json``.

    Raises:
        ValueError: If an argument is out of range, or ``out`` holds pairs
            made with other settings and ``overwrite`` is False.
        OSError: If pairs could not be written; lists them.
    """
    out = Path(out)
    settings = _checked(train, val, size, seed, workers, night_ratio)
    jobs = [
        _Job(out / split, first + k, _is_night(k, settings['night_ratio']),
             settings['seed'], tuple(settings['size']))
        for split, first in _FIRST_NUMBER.items()
        for k in range(dict(train=train, val=val)[split])
    ]
    meta = dict(
        settings, classes=MFNET_CLASSES, palette=MFNET_PALETTE, time_of_day={
            split: {
                job.stem: 'night' if job.night else 'day' for job in jobs
                if job.folder.name == split
            } for split in _FIRST_NUMBER
        })
    stale = _reconcile(out, meta, overwrite)
    if not (overwrite or (out / 'meta.json').exists()):
        check_outputs(((path, ()) for job in jobs for path in job.paths),
                      overwrite=False, ours=lambda path: False)
    for path in stale:
        path.unlink(missing_ok=True)
    write_text(out / 'meta.json', json.dumps(meta, indent=1) + '\n')
    if not overwrite:
        jobs = [
            job for job in jobs
            if not all(path.is_file() for path in job.paths)
        ]
    outcomes = run_jobs(_write_scene, jobs, workers)
    errors = [error for _, _, error in outcomes if error]
    if errors:
        raise OSError(
            f'{len(errors)} of {len(outcomes)} pairs could not be written: ' +
            '; '.join(errors[:5]) + '. Free space or permissions? The '
            'next run goes on with what is missing')
    _write_annotations(out, meta)
    return meta


def _write_annotations(out: Path, meta: dict) -> None:
    """COCO JSONs of the pairs on disk."""
    names = [MFNET_CLASSES[number] for number in BOX_CLASSES]
    for split, times in meta['time_of_day'].items():
        images = []
        for stem, time in times.items():
            vis, ir, _, boxes = _paths(Path(split), stem)
            images.append(
                ImageBoxes(vis.as_posix(), ir.as_posix(), tuple(
                    meta['size']), [
                        Box(MFNET_CLASSES[number], corners)
                        for number, *corners in json.loads((out /
                                                            boxes).read_text())
                    ], time))
        write_text(out / 'annotations' / f'{split}.json',
                   json.dumps(to_coco(images, names, f'synthetic {split}')))


def _write_scene(job: _Job) -> None:
    scene = generate_scene((job.seed, job.number), job.size, job.night)
    vis, ir, label, boxes = job.paths
    write_png(vis, np.ascontiguousarray(scene['vis'][..., ::-1]), fast=True)
    write_png(ir, scene['ir'], fast=True)
    write_png(label, scene['label'])
    write_text(
        boxes,
        json.dumps([[int(number) for number in box]
                    for box in scene['boxes']]))


def _is_night(k: int, ratio: float) -> bool:
    """Spreads nights evenly; the first ``n`` hold ``floor(n * ratio)``."""
    return int((k + 1) * ratio + 1e-9) > int(k * ratio + 1e-9)


def _checked(train, val, size, seed, workers, night_ratio) -> dict:
    for name, count in (('train', train), ('val', val)):
        if not 0 <= count <= 50000:
            raise ValueError(f'{name}: expected 0 to 50000 pairs, got {count}')
    if train + val == 0:
        raise ValueError('train, val: expected at least one pair, got none')
    if seed < 0:
        raise ValueError(f'seed: expected 0 or more, got {seed}')
    if workers < 0:
        raise ValueError(f'workers: expected 0 or more, got {workers}')
    if not 0 <= night_ratio <= 1:
        raise ValueError(f'night_ratio: expected 0 to 1, got {night_ratio}')
    return dict(version=VERSION, seed=int(seed), size=list(checked_size(size)),
                night_ratio=float(night_ratio))


def _reconcile(out: Path, meta: dict, overwrite: bool) -> list[Path]:
    """Files of an earlier run in ``out`` that do not belong to this."""
    path = out / 'meta.json'
    if not path.exists():
        return []
    try:
        old = json.loads(path.read_text())
        stems = {
            split: [
                name_below('', stem, str(path))
                for stem in old['time_of_day'][split]
            ] for split in _FIRST_NUMBER
        }
    except UsageError:
        raise
    except (ValueError, KeyError, TypeError, RecursionError):
        raise ValueError(
            f'{path}: expected the meta.json of synthetic scenes, got '
            'something else; choose another folder') from None
    differing = [
        key for key in ('version', 'seed', 'size', 'night_ratio')
        if old.get(key) != meta[key]
    ]
    stale = [
        path for split, names in stems.items() for stem in names
        if stem not in meta['time_of_day'][split]
        for path in _paths(out / split, stem)
    ]
    if overwrite:
        return stale
    if differing:
        was = ', '.join(f'{key} {old.get(key)}' for key in differing)
        asked = ', '.join(f'{key} {meta[key]}' for key in differing)
        raise ValueError(
            f'{out}: expected scenes with {asked}, got a folder made with '
            f'{was}; choose another folder or overwrite')
    if stale:
        raise ValueError(
            f'{out}: expected no more pairs than asked for, got '
            f'{len(stale) // len(_SUFFIXES)} more (such as {stale[0]}); '
            'choose another folder or overwrite')
    return []
