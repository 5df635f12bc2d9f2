"""Cut pairs into patches of one size, row by row.

The images of both folders match by stem. The result is lossless, either a
folder, OUT/{vis,ir}/STEM_ROW_COLUMN.png, for PairedImageDataset, or one file,
OUT/patches.npy and OUT/patches.txt (a stem per line), for PatchFileDataset,
which is read several times as fast.
"""
import argparse
import re
import shutil
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import cv2
import numpy as np

from mmfusion.cli.flags import add_loading, one_of
from mmfusion.cli.legacy import run
from mmfusion.datasets.conversion import (check_stem, report_failures,
                                          run_converter, run_jobs, write_lines,
                                          write_png)
from mmfusion.datasets.patches import IMAGES, STEMS
from mmfusion.fileio import FileRule, PairReading, to_bytes
from mmfusion.fileio.paths import Made, check_outputs
from mmfusion.fileio.rules import files_below
from mmfusion.tasks import TASKS
from mmfusion.utils.claims import claimed
from mmfusion.utils.files import finished_array, finished_file, is_ours

_PATCH = re.compile(r'(.+)_\d{3,}_\d{3,}\.png')


def cut(image: np.ndarray, size: int,
        stride: int) -> Iterator[tuple[str, np.ndarray]]:
    """Name and content of every whole patch, rows then columns."""
    for row, top in enumerate(range(0, image.shape[0] - size + 1, stride)):
        for column, left in enumerate(
                range(0, image.shape[1] - size + 1, stride)):
            yield (f'{row:03d}_{column:03d}', image[top:top + size,
                                                    left:left + size])


def convert_one(out: Path, size: int, stride: int, grey: bool, form: str,
                loading: dict, pair: tuple[str, str, str]) -> list:
    """Cut one pair.

    Returns:
        list[str]: Stems of its patches.

    Raises:
        ValueError: If it has no 8 bits and no range for others is stated,
            or is smaller than a patch.
    """
    stem, vis_path, ir_path = pair
    check_stem(stem)
    images = PairReading(**loading).read(dict(vis=vis_path, ir=ir_path),
                                         TASKS['ivf'].modalities)
    if 'uint16_range' not in loading and any(image.dtype != np.uint8
                                             for image in images.values()):
        raise ValueError(f'{vis_path}: expected a pair of 8 bits, got a '
                         'deeper one; give --uint16-range')
    vis, ir = map(to_bytes, images.values())
    if min(vis.shape[:2]) < size:
        raise ValueError(
            f'{vis_path}: expected sides of at least {size} pixels, got '
            f'{vis.shape[0]}x{vis.shape[1]}; choose a smaller --size')
    if grey:
        vis = cv2.cvtColor(vis, cv2.COLOR_BGR2GRAY)
    patches = list(cut(np.dstack((vis, ir)), size, stride))
    stems = [f'{stem}_{place}' for place, _ in patches]
    if form == 'file':
        part = out / '.parts' / f'{stem}.npy'
        stacked = np.stack([patch for _, patch in patches])
        with finished_file(part, stacked.nbytes) as draft:
            np.save(draft, stacked)
        return stems
    for name, (_, patch) in zip(stems, patches, strict=True):
        write_png(out / 'vis' / f'{name}.png',
                  patch[..., 0] if grey else patch[..., :3])
        write_png(out / 'ir' / f'{name}.png', patch[..., -1])
    return stems


def join_parts(out: Path, outcomes: list) -> None:
    """Put the patches of all pairs into one file, pair by pair."""
    done = [(out / '.parts' / f'{job[0]}.npy', stems)
            for job, stems, error in outcomes if error is None]
    first = np.load(done[0][0], mmap_mode='r')
    total = sum(len(stems) for _, stems in done)
    with finished_array(out / IMAGES, first.dtype,
                        (total, *first.shape[1:])) as whole:
        place = 0
        for part, stems in done:
            whole[place:place + len(stems)] = np.load(part)
            place += len(stems)
    write_lines(out / STEMS, [stem for _, stems in done for stem in stems])


def planned(out: Path, pairs: list, form: str) -> Iterator[Made]:
    """What is going to be written over, and of what it was made."""
    yield out, ()
    if form == 'file':
        yield from ((out / name, ()) for name in (IMAGES, STEMS))
        return
    files = {stem: paths for stem, *paths in pairs}
    for folder in (out / 'vis', out / 'ir'):
        yield folder, ()
        for name in files_below(str(folder)) if folder.is_dir() else ():
            match = _PATCH.fullmatch(name)
            if match and match[1] in files:
                yield folder / name, files[match[1]]


def _is_ours(out: Path, path: Path) -> bool:
    return is_ours(path) or path.parent == out and (
        (out / '.parts').is_dir() or all(
            (out / name).is_file() for name in (IMAGES, STEMS)))


def convert(out, vis, ir, size: int = 128, stride=None, grey: bool = False,
            form: str = 'folder', limit=None, overwrite: bool = False,
            workers: int = 0, **loading) -> int:
    """Cut all pairs, loaded by settings of :class:`LoadFusionPair`.

    Returns:
        int: 0, or 1 if pairs failed.
    """
    stride = size if stride is None else stride
    if size < 1 or stride < 1:
        raise ValueError('expected a size and a stride of at least 1, got '
                         f'{size} and {stride}')
    out = Path(out)
    listed = [
        FileRule().list(str(folder), name)
        for folder, name in ((vis, '--vis'), (ir, '--ir'))
    ]
    single = [
        files[stem] for files, others in (listed, listed[::-1])
        for stem in files if stem not in others
    ]
    if single:
        raise ValueError(
            f'expected the same stems in {vis} and {ir}, but {len(single)} '
            f'file(s) have no partner, such as {single[0]}')
    pairs = [(stem, path, listed[1][stem])
             for stem, path in listed[0].items()][:limit]
    loading = {
        key: value for key, value in loading.items() if value is not None
    }
    check_outputs(planned(out, pairs, form), (vis, ir), overwrite,
                  ours=partial(_is_ours, out))
    with claimed(out):
        try:
            outcomes = run_jobs(
                partial(convert_one, out, size, stride, grey, form, loading),
                pairs, workers)
            done = [stems for _, stems, error in outcomes if error is None]
            if form == 'file' and done:
                join_parts(out, outcomes)
        finally:
            shutil.rmtree(out / '.parts', ignore_errors=True)
    print(f'{sum(map(len, done))} patches of {len(done)} pairs in {out}')
    return report_failures(outcomes, 'pair')


def main(argv=None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('out', help='output folder')
    parser.add_argument('--vis', required=True,
                        help='folder of visible (or first) images')
    parser.add_argument('--ir', required=True,
                        help='folder of infrared (or second) images')
    parser.add_argument('--size', type=int, default=128,
                        help='side of a patch, pixels (default: %(default)s)')
    parser.add_argument('--stride', type=int,
                        help='distance of patches, pixels (default: --size)')
    parser.add_argument('--grey', action='store_true',
                        help='keep the luminance of visible images alone')
    parser.add_argument('--format', dest='form', default='folder',
                        **one_of(('folder', 'file')),
                        help='what to write (default: %(default)s)')
    parser.add_argument('--limit', type=int, metavar='N',
                        help='take the first N pairs alone')
    add_loading(parser)
    return run_converter(parser, convert, argv)


if __name__ == '__main__':
    sys.exit(run(main))
