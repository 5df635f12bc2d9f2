"""Bring two folders of images, with or without labels, into one layout.

SRC holds two modality folders and perhaps one of labels, or sub-folders
(splits) that do, such as {train,val}/{vi,ir,label}, test/{under,over} or
mri_pet/{mri,pet}. The result is OUT/{vis,ir,label}/STEM and one split file
OUT/SPLIT.txt for each split (all.txt where there are none). Where two
splits use the same stem, stems become SPLIT/STEM.
"""
import argparse
import sys
from collections import Counter
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from mmfusion.cli.flags import add_size_rule
from mmfusion.cli.legacy import run
from mmfusion.datasets.conversion import (check_stem, checked_folders,
                                          place_file, read_label, read_pair,
                                          report_failures, run_converter,
                                          run_jobs, write_lines)
from mmfusion.fileio import FileRule, data_paths
from mmfusion.fileio.paths import check_outputs, output_path

# What takes the place of the visible image is in colour, where one is.
KNOWN_PAIRS = (*((vis, ir) for vis in ('vis', 'vi', 'visible', 'rgb')
                 for ir in ('ir', 'infrared', 'thermal')), ('under', 'over'),
               ('near', 'far'), ('a', 'b'), ('ct', 'mri'), ('pet', 'mri'),
               ('spect', 'mri'))
KNOWN_LABELS = ('label', 'labels', 'segmentation_labels', 'gt')


class Sample(NamedTuple):
    """Files of one pair; a path is None where there is no file."""
    split: str
    stem: str
    vis: str | None
    ir: str | None
    label: str | None
    labelled: bool


@dataclass(frozen=True)
class Layout:
    """Names of the folders, None where found by themselves; file names."""
    vis: str | None = None
    ir: str | None = None
    label: str | None = None
    vis_stem: str = '{stem}'
    ir_stem: str = '{stem}'
    label_stem: str = '{stem}'

    def samples(self, src: Path) -> list['Sample']:
        """All pairs below ``src``, see :func:`find_samples`."""
        rules = dict(vis=FileRule(stem=self.vis_stem),
                     ir=FileRule(stem=self.ir_stem),
                     label=FileRule('.png', self.label_stem))
        return find_samples(src, {name: getattr(self, name) for name in rules},
                            rules)


def find_folders(root: Path, vis=None, ir=None, label=None):
    """Folders (vis, ir, label or None) below ``root``, or None.

    Given names are taken literally, others are looked for in any case.
    """
    if (vis is None) != (ir is None):
        raise ValueError('expected both --vis and --ir or neither, got '
                         f'--vis {vis} and --ir {ir}')
    there = {
        path.name.lower(): path for path in data_paths(root) if path.is_dir()
    }
    if vis is not None:
        pair = (root / vis, root / ir)
        if not all(path.is_dir() for path in pair):
            return None
    else:
        pair = next(((there[a], there[b])
                     for a, b in KNOWN_PAIRS if a in there and b in there),
                    None)
        if pair is None:
            return None
    if label is not None:
        folder = root / label
        return (*pair, folder if folder.is_dir() else None)
    return (*pair,
            next((there[name] for name in KNOWN_LABELS if name in there),
                 None))


def find_samples(src: Path, names: dict, rules: dict) -> list[Sample]:
    """All pairs below ``src``, incomplete ones too.

    Raises:
        FileNotFoundError: If there are no two modality folders.
        ValueError: If a folder is empty or a stem is ambiguous.
    """
    whole = find_folders(src, **names)
    splits = {
        'all': whole
    } if whole else {
        path.name: folders for path in data_paths(src)
        if path.is_dir() and (folders := find_folders(path, **names))
    }
    if not splits:
        wanted = (f'{names["vis"]} and {names["ir"]}'
                  if names['vis'] else 'two modalities such as vis and ir')
        raise FileNotFoundError(
            f'expected folders of {wanted} in {src} or in its sub-folders, '
            'got none; name them with --vis and --ir')
    samples = []
    for split, folders in splits.items():
        listed = [
            rules[key].list(str(folder), key) if folder else {}
            for key, folder in zip(('vis', 'ir',
                                    'label'), folders, strict=True)
        ]
        # Labels beyond the pairs are no sample of their own.
        for stem in dict.fromkeys([*listed[0], *listed[1]]):
            samples.append(
                Sample(split, stem, *(paths.get(stem) for paths in listed),
                       folders[2] is not None))
    return samples


def placed(out: Path, prefixed: bool, sample: Sample) -> dict[Path, str]:
    """Files of a pair: where each goes, and where it is."""
    stem = out_stem(sample, prefixed)
    found = {key: getattr(sample, key) for key in ('vis', 'ir', 'label')}
    return {
        output_path(out / key, stem,
                    Path(source).suffix): source
        for key, source in found.items() if source
    }


def convert_one(out: Path, link: bool, classes, prefixed: bool,
                on_size_mismatch: str | None, sample: Sample) -> tuple:
    """Check and place one pair.

    Returns:
        tuple: Size 'HxW' and {label value: pixels}.

    Raises:
        FileNotFoundError: If its partner or label is missing.
        ValueError: If a file is damaged, sizes differ, or a label is out
            of range.
    """
    stem = out_stem(sample, prefixed)
    check_stem(stem)
    for key in ('vis', 'ir', 'label'):
        if getattr(sample, key) is None and (key != 'label'
                                             or sample.labelled):
            raise FileNotFoundError(
                f'{sample.split}: expected a file of {key!r} for '
                f'{sample.vis or sample.ir}, got none')
    vis, _ = read_pair(sample.vis, sample.ir, on_size_mismatch)
    values = {}
    if sample.label:
        label = read_label(sample.label, vis, classes)['gt_seg_map']
        values = dict(enumerate(np.bincount(label.ravel())))
    for path, source in placed(out, prefixed, sample).items():
        place_file(source, path, link)
    return f'{vis.shape[0]}x{vis.shape[1]}', values


def out_stem(sample: Sample, prefixed: bool) -> str:
    return f'{sample.split}/{sample.stem}' if prefixed else sample.stem


def summarise(split: str, outcomes: list) -> str:
    """One line on the pairs of a split that were placed."""
    done = [
        result for job, result, error in outcomes
        if job.split == split and error is None
    ]
    sizes = Counter(size for size, _ in done)
    pixels = Counter()
    for _, values in done:
        pixels.update(values)
    total = sum(pixels.values())
    shares = ', '.join(f'{value}: {count / total:.1%}'
                       for value, count in sorted(pixels.items()) if count)
    common = ', '.join(f'{size} ({count})'
                       for size, count in sizes.most_common(3))
    more = f' and {len(sizes) - 3} more sizes' if len(sizes) > 3 else ''
    return (f'{split}: {len(done)} pairs; {common}{more}; ' +
            (f'labels {shares}' if total else 'no labels'))


def convert(src, out, num_classes=None, link: bool = False,
            on_size_mismatch: str | None = None, overwrite: bool = False,
            workers: int = 0, **layout) -> int:
    """Convert all pairs; those of two sizes keep them, if these are taken.

    Args:
        layout: See :class:`Layout`.

    Returns:
        int: 0, or 1 if pairs failed; those are not in the split files.
    """
    src, out = checked_folders(src, out)
    if num_classes is not None and not 1 <= num_classes <= 255:
        raise ValueError(f'num_classes: expected 1 to 255, got {num_classes}')
    samples = Layout(**layout).samples(src)
    stems = Counter(sample.stem for sample in samples)
    prefixed = max(stems.values()) > 1
    check_outputs(((path, (source, )) for sample in samples
                   for path, source in placed(out, prefixed, sample).items()),
                  overwrite=overwrite, copies=True)
    classes = num_classes and [str(k) for k in range(num_classes)]
    outcomes = run_jobs(
        partial(convert_one, out, link, classes, prefixed, on_size_mismatch),
        samples, workers)
    for split in dict.fromkeys(sample.split for sample in samples):
        write_lines(out / f'{split}.txt', [
            out_stem(job, prefixed) for job, _, error in outcomes
            if job.split == split and error is None
        ])
        print(summarise(split, outcomes))
    return report_failures(outcomes, 'pair')


def main(argv=None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('src', help='folder with the pairs')
    parser.add_argument('out', help='output folder')
    for key, role in (('vis', 'visible (or first)'),
                      ('ir', 'infrared (or second)'), ('label', 'label')):
        parser.add_argument(
            f'--{key}', metavar='NAME',
            help=f'name of the {role} folder (default: found by itself)')
        parser.add_argument(
            f'--{key}-stem', metavar='RULE', default='{stem}',
            help=f"name rule of the {role} files, such as '{{stem}}_{key}'")
    parser.add_argument(
        '--num-classes', type=int,
        help='labels must lie below this or be 255 (default: any)')
    parser.add_argument('--link', action='store_true',
                        help='link to files, do not copy')
    add_size_rule(parser)
    return run_converter(parser, convert, argv)


if __name__ == '__main__':
    sys.exit(run(main))
