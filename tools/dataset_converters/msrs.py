"""Bring MSRS into OUT/{train,test}/{vi,ir,label}/NAME.png.

RAW holds {train,test}/{vi,ir,Segmentation_labels}/NAME.png as the authors'
repository does; a folder named label is accepted too.
"""
import argparse
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np

from mmfusion.cli.legacy import run
from mmfusion.datasets.conversion import (checked_folders, place_file,
                                          read_label, read_pair,
                                          report_failures, run_converter,
                                          run_jobs, write_png)
from mmfusion.datasets.sets.mfnet import MFNET_CLASSES
from mmfusion.datasets.transforms import DeriveFusionMaps
from mmfusion.fileio import data_paths
from mmfusion.fileio.paths import Made, check_outputs

LABEL_FOLDERS = ('Segmentation_labels', 'label', 'labels')
MAPS = dict(bi='gt_binary_map', bd='gt_boundary_map', mask='gt_mask_map')


def convert_one(raw: Path, out: Path, link: bool, maps: bool,
                job: tuple[str, str, str]) -> None:
    """Check and place one pair; ``job`` is split, label folder and name.

    Raises:
        FileNotFoundError: If a file is missing.
        ValueError: If one is damaged, sizes differ or a label is out of
            range.
    """
    split, label_folder, name = job
    folders = dict(vi='vi', ir='ir', label=label_folder)
    paths = {
        target: raw / split / folder / name
        for target, folder in folders.items()
    }
    vis, _ = read_pair(paths['vi'], paths['ir'])
    results = read_label(paths['label'], vis, MFNET_CLASSES)
    for target, path in paths.items():
        place_file(path, out / split / target / name, link)
    if maps and split == 'train':
        results = DeriveFusionMaps().transform(results)
        for target, key in MAPS.items():
            image = np.where(results[key] == 1, 255, 0).astype(np.uint8)
            write_png(out / split / target / name, image)


def find_jobs(raw: Path) -> list[tuple[str, str, str]]:
    """All names that any of the folders of a split holds.

    Raises:
        FileNotFoundError: If there is no split, or a split lacks a folder.
    """
    jobs = []
    for split in ('train', 'test'):
        if not (raw / split).is_dir():
            continue
        label = next(
            (name for name in LABEL_FOLDERS if (raw / split / name).is_dir()),
            LABEL_FOLDERS[0])
        folders = [raw / split / name for name in ('vi', 'ir', label)]
        for folder in folders:
            if not folder.is_dir():
                raise FileNotFoundError(
                    f'expected a folder at {folder}, but there is none')
        names = {
            path.name for folder in folders
            for path in data_paths(folder, '*.png')
        }
        jobs += [(split, label, name) for name in sorted(names)]
    if not jobs:
        raise FileNotFoundError(
            f'expected PNGs in {raw}/{{train,test}}/{{vi,ir,'
            'Segmentation_labels}, got none')
    return jobs


def planned(raw: Path, out: Path, maps: bool, jobs: list) -> Iterator[Made]:
    """What is going to be written, and of what."""
    for split, label_folder, name in jobs:
        for target in ('vi', 'ir', 'label'):
            folder = label_folder if target == 'label' else target
            yield (out / split / target / name,
                   (raw / split / folder / name, ))
        if maps and split == 'train':
            for target in MAPS:
                yield out / split / target / name, ()


def convert(raw, out, maps: bool = False, link: bool = False,
            overwrite: bool = False, workers: int = 0) -> int:
    """Convert the whole data set.

    Returns:
        int: 0, or 1 if files failed; the others are converted.
    """
    raw, out = checked_folders(raw, out)
    jobs = find_jobs(raw)
    check_outputs(planned(raw, out, maps, jobs), overwrite=overwrite,
                  copies=True)
    outcomes = run_jobs(partial(convert_one, raw, out, link, maps), jobs,
                        workers)
    for split in ('train', 'test'):
        done = sum(job[0] == split and error is None
                   for job, _, error in outcomes)
        print(f'{out / split}: {done} pairs')
    return report_failures(outcomes, 'pair')


def main(argv=None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('raw', help='folder of the data set')
    parser.add_argument('out', help='output folder')
    parser.add_argument(
        '--maps', action='store_true',
        help='also write the foreground, boundary and mask maps that '
        'PSFusion trains on, derived from the labels, as train/{bi,bd,mask}')
    parser.add_argument('--link', action='store_true',
                        help='link to images, do not copy')
    return run_converter(parser, convert, argv)


if __name__ == '__main__':
    sys.exit(run(main))
