"""Write a caption for each pair from its label map and its brightness.

A caption names the time of day (by the mean of the visible image) and the
classes on the label map without the background, the largest first: 'a
street at night with car, person'. OUT is a .json file for
make_text_features.py.
"""
import argparse
import json
import sys
from functools import partial
from pathlib import Path

import cv2
import numpy as np

from mmfusion.cli.legacy import run
from mmfusion.datasets.conversion import (read_label, report_failures,
                                          run_converter, run_jobs)
from mmfusion.fileio import FileRule, read_image
from mmfusion.fileio.paths import check_outputs
from mmfusion.registry import DATASETS
from mmfusion.structures import background_of
from mmfusion.utils.files import read_record, write_text


def describe(classes: list, dark_below: float, least: int, pair: tuple) -> str:
    """The caption of one pair.

    Args:
        classes (list[str]): Names by index.
        dark_below (float): Mean grey level, 0 to 255, of the night.
        least (int): Pixels that make a class worth a word.
        pair (tuple): Stem, visible image and label map.
    """
    _, vis_path, label_path = pair
    vis = read_image(vis_path, cv2.IMREAD_GRAYSCALE)
    label = read_label(label_path, vis, classes)['gt_seg_map']
    counts = np.bincount(label.ravel(), minlength=256)[:len(classes)]
    background = background_of(classes)
    order = [
        index for index in np.argsort(-counts, kind='stable')
        if index not in background and counts[index] >= least
    ]
    time = 'at night' if vis.mean() < dark_below else 'by day'
    named = ', '.join(classes[index].replace('_', ' ') for index in order)
    return f'a street {time}' + (f' with {named}' if named else '')


def _is_ours(path: Path) -> bool:
    captions = read_record(path)
    return captions is not None and all(
        isinstance(text, str) for text in captions.values())


def convert(out, vis, labels, dataset: str = 'MSRSDataset',
            dark_below: float = 60., least: int = 100, overwrite: bool = False,
            workers: int = 0) -> int:
    """Describe all pairs.

    Returns:
        int: 0, or 1 if pairs failed; those have no caption.
    """
    known = DATASETS.get(dataset)
    classes = getattr(known, 'METAINFO', {}).get('classes')
    if not classes:
        raise ValueError('expected a data set with classes such as '
                         f'MSRSDataset, got {dataset}')
    images = FileRule().list(str(vis), '--vis')
    maps = FileRule('.png').list(str(labels), '--labels')
    pairs = [(stem, path, maps.get(stem, str(Path(labels, f'{stem}.png'))))
             for stem, path in images.items()]
    check_outputs([(out, [*images.values(), *maps.values()])],
                  overwrite=overwrite, ours=_is_ours)
    outcomes = run_jobs(partial(describe, list(classes), dark_below, least),
                        pairs, workers)
    captions = {
        job[0]: caption for job, caption, error in outcomes if error is None
    }
    write_text(out, json.dumps(captions, indent=1) + '\n')
    print(f'{len(captions)} captions, {len(set(captions.values()))} of them '
          f'different, in {out}')
    return report_failures(outcomes, 'pair')


def main(argv=None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('out', help='.json file to write')
    parser.add_argument('--vis', required=True,
                        help='folder of visible images')
    parser.add_argument('--labels', required=True,
                        help='folder of label maps, PNG of class indices')
    parser.add_argument(
        '--dataset', default='MSRSDataset',
        help='data set whose classes they are '
        '(default: %(default)s)')
    parser.add_argument(
        '--dark-below', type=float, default=60.,
        help='mean grey level below which it is night '
        '(default: %(default)s)')
    parser.add_argument(
        '--least', type=int, default=100,
        help='pixels that make a class worth a word '
        '(default: %(default)s)')
    return run_converter(parser, convert, argv)


if __name__ == '__main__':
    sys.exit(run(main))
