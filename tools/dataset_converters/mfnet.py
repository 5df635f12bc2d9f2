"""Split raw MFNet into OUT/{vis,ir,labels}/NAME.png and split files.

RAW holds images/NAME.png (red, green, blue, thermal), labels/NAME.png and
train.txt, val.txt, test.txt. The mirrored copies NAME_flip that MFNet's
own lists may name are left out: flip with probability 0.5 instead.
"""
import argparse
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import cv2
import numpy as np

from mmfusion.cli.legacy import run
from mmfusion.datasets.conversion import (check_stem, checked_folders,
                                          place_file, read_label,
                                          report_failures, run_converter,
                                          run_jobs, write_lines, write_png)
from mmfusion.datasets.sets.mfnet import MFNET_CLASSES
from mmfusion.fileio import data_paths, read_image, read_lines
from mmfusion.fileio.paths import Made, check_outputs, name_below

SPLITS = ('train', 'val', 'test')


def convert_one(raw: Path, out: Path, job: tuple[str, bool]) -> None:
    """Split one four-channel image; ``job`` is its stem and whether a
    mirrored copy is written too.

    Raises:
        FileNotFoundError: If image or label is missing.
        ValueError: If one is damaged, or not what MFNet has.
    """
    stem, mirrored = job
    check_stem(stem)
    path = raw / 'images' / f'{stem}.png'
    image = read_image(str(path), cv2.IMREAD_UNCHANGED)
    if image.ndim != 3 or image.shape[2] != 4 or image.dtype != np.uint8:
        raise ValueError(
            f'{path}: expected 8-bit RGB + thermal (H, W, 4), got '
            f'{image.shape} {image.dtype}; is this raw MFNet?')
    label_path = raw / 'labels' / f'{stem}.png'
    label = read_label(label_path, image, MFNET_CLASSES)['gt_seg_map']
    vis, ir = np.ascontiguousarray(image[..., :3]), image[..., 3]
    write_png(out / 'vis' / f'{stem}.png', vis)
    write_png(out / 'ir' / f'{stem}.png', ir)
    place_file(label_path, out / 'labels' / f'{stem}.png')
    if mirrored:
        for folder, array in (('vis', vis), ('ir', ir), ('labels', label)):
            write_png(out / folder / f'{stem}_flip.png', cv2.flip(array, 1))


def read_splits(raw: Path) -> dict[str, list[str]]:
    """Stems of each split file, without mirrored copies.

    Raises:
        FileNotFoundError: If none of the split files exists.
        ValueError: If a stem leads out of the folder.
    """
    splits = {}
    for name in SPLITS:
        path = raw / f'{name}.txt'
        if path.is_file():
            splits[name] = [
                name_below('', line, str(path)) for line in read_lines(path)
                if not line.endswith('_flip')
            ]
    if not splits:
        raise FileNotFoundError(
            f'expected train.txt, val.txt or test.txt in {raw}, got none')
    return splits


def planned(raw: Path, out: Path, jobs: list) -> Iterator[Made]:
    """What is going to be written, and of what."""
    for stem, mirrored in jobs:
        image, label = (raw / name / f'{stem}.png'
                        for name in ('images', 'labels'))
        for ending in ('', '_flip')[:1 + mirrored]:
            for name in ('vis', 'ir', 'labels'):
                yield (out / name / f'{stem}{ending}.png', (image, label))


def convert(raw, out, with_flip: bool = False, overwrite: bool = False,
            workers: int = 0) -> int:
    """Convert the whole data set.

    Returns:
        int: 0, or 1 if files failed; those are not in the split files.
    """
    raw, out = checked_folders(raw, out, ('images', 'labels'))
    splits = read_splits(raw)
    listed = [stem for stems in splits.values() for stem in stems]
    found = [
        path.stem for path in data_paths(raw / 'images', '*.png')
        if not path.stem.endswith('_flip')
    ]
    stems = list(dict.fromkeys(found + listed))
    flipped = set(splits.get('train', ())) if with_flip else set()
    jobs = [(stem, stem in flipped) for stem in stems]
    check_outputs(planned(raw, out, jobs), overwrite=overwrite, copies=True)
    outcomes = run_jobs(partial(convert_one, raw, out), jobs, workers)
    done = {job[0] for job, _, error in outcomes if error is None}
    for name, members in splits.items():
        lines = [stem for stem in members if stem in done]
        if name == 'train' and with_flip:
            lines += [f'{stem}_flip' for stem in lines]
        write_lines(out / f'{name}.txt', lines)
        print(f'{out / name}.txt: {len(lines)} stems')
    return report_failures(outcomes, 'pair')


def main(argv=None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('raw', help='folder of the raw data set')
    parser.add_argument('out', help='output folder')
    parser.add_argument(
        '--with-flip', action='store_true',
        help='write mirrored copies NAME_flip of the training pairs and '
        'list them in train.txt')
    return run_converter(parser, convert, argv)


if __name__ == '__main__':
    sys.exit(run(main))
