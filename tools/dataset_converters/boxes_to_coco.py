"""Write COCO JSONs for a detection set of pairs: ROOT/annotations/SPLIT.json.

Images stay where they are. Each annotation is checked: boxes outside of the
image, empty ones and those of unknown classes are left out, boxes that
stick out are clipped; all are reported by file and counted. Rotated boxes
(VEDAI, DroneVehicle) are reduced to the horizontal boxes around them.
"""
import argparse
import json
import sys
from collections import Counter
from functools import partial
from pathlib import Path

from PIL import Image, UnidentifiedImageError

from mmfusion.cli.flags import one_of
from mmfusion.cli.legacy import run
from mmfusion.datasets.boxes import ImageBoxes, check_boxes, to_coco
from mmfusion.datasets.conversion import (report_failures, run_converter,
                                          run_jobs)
from mmfusion.datasets.sets import BOX_SETS
from mmfusion.fileio.paths import check_outputs
from mmfusion.utils.files import read_record, write_text
from mmfusion.utils.progress import announce

#: EXIF's tag of the orientation, and its values of a quarter turn
ORIENTATION, QUARTER_TURNS = 0x0112, (5, 6, 7, 8)


def image_size(path: Path) -> tuple:
    """(height, width) as the image is shown and loaded, from its head.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is no image; names it.
    """
    try:
        with Image.open(path) as image:
            width, height = image.size
            turned = image.getexif().get(ORIENTATION) in QUARTER_TURNS
            return (width, height) if turned else (height, width)
    except UnidentifiedImageError:
        raise ValueError(
            f'{path}: expected an image, got something else') from None


def convert_one(root: Path, read, job) -> ImageBoxes:
    """Read one pair's boxes.

    Raises:
        FileNotFoundError: If a file is missing.
        ValueError: If one is damaged, or the pair's sizes differ.
    """
    vis, ir = (image_size(root / name) for name in (job.vis, job.ir))
    if vis != ir:
        raise ValueError(
            f'{root / job.vis}: expected a pair of one size, got '
            f'{vis[1]}x{vis[0]} and {ir[1]}x{ir[0]} of its infrared image; '
            'boxes fit one of them only')
    boxes = read(root / job.annotation) if job.annotation else ()
    return ImageBoxes(job.vis, job.ir, vis, boxes, job.condition)


def _is_ours(kind: str, path: Path) -> bool:
    info = (read_record(path) or {}).get('info')
    return isinstance(
        info, dict) and info.get('description') == f'{kind} {path.stem}'


def convert(kind: str, root, out=None, classes=None, overwrite: bool = False,
            workers: int = 0, **options) -> int:
    """Convert all splits of a set.

    Returns:
        int: 0, or 1 if files failed; the others are converted.

    Raises:
        FileNotFoundError: If the folder does not look as expected.
        ValueError: If classes are needed and not given.
    """
    root = Path(root)
    layout = BOX_SETS[kind](**options)
    classes = tuple(classes or layout.classes)
    if not classes:
        raise ValueError(f'{kind}: expected --classes NAME ..., got none')
    if not root.is_dir():
        raise FileNotFoundError(f'expected a folder at {root}, got none')
    splits = {split: jobs for split, jobs in layout.find(root).items() if jobs}
    if not splits:
        raise FileNotFoundError(
            f'expected {layout.hint} in {root}, got no such split')
    target = Path(out) if out else root / 'annotations'
    sources = [
        root / name for jobs in splits.values() for job in jobs
        for name in (job.vis, job.ir, job.annotation) if name
    ]
    check_outputs(((target / f'{split}.json', sources) for split in splits),
                  overwrite=overwrite, ours=partial(_is_ours, kind))
    outcomes, counts = [], Counter()
    for split, jobs in splits.items():
        done = run_jobs(partial(convert_one, root, layout.read), jobs, workers)
        outcomes += done
        images = []
        for job, image, error in done:
            if error is not None:
                continue
            image, problems = check_boxes(image, classes, layout.aliases,
                                          layout.ignored)
            images.append(image)
            for reason, told in problems:
                counts[reason] += 1
                announce([f'{reason}: {told}'], str(job))
        path = target / f'{split}.json'
        write_text(path, json.dumps(to_coco(images, classes,
                                            f'{kind} {split}')))
        ignored = sum(box.ignored for image in images for box in image.boxes)
        boxes = sum(len(image.boxes) for image in images)
        print(f'{path}: {len(images)} pairs, {boxes - ignored} boxes, '
              f'{ignored} ignored ones')
    for reason, count in sorted(counts.items()):
        fate = 'kept' if reason == 'clipped' else 'left out'
        print(f'{count} boxes {fate}: {reason}')
    return report_failures(outcomes, 'pair')


def main(argv=None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog='layouts of ROOT:\n' +
        '\n'.join(f'  {kind}: {layout.hint}'
                  for kind, layout in BOX_SETS.items()))
    parser.add_argument('kind', **one_of(sorted(BOX_SETS)))
    parser.add_argument('root', help='folder of the data set')
    parser.add_argument('--out',
                        help='folder of the JSONs (default: ROOT/annotations)')
    parser.add_argument(
        '--classes', nargs='+', metavar='NAME',
        help='classes to keep, in order (default: those of the set)')
    parser.add_argument(
        '--labels', **one_of(('vis', 'ir')), default='ir',
        help='whose boxes of dronevehicle (default: %(default)s)')
    parser.add_argument(
        '--max-occlusion', type=int, choices=(0, 1, 2), default=2,
        help='more occluded persons of kaist are ignored; 1 is the '
        "'reasonable' subset (default: %(default)s)")
    return run_converter(parser, convert, argv)


if __name__ == '__main__':
    sys.exit(run(main))
