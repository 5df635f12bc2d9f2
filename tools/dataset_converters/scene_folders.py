"""Bring sets with one folder a scene into OUT/{first,second}/SCENE.

Two ways to tell a scene's images apart:

  --match FIRST SECOND  patterns of file names in any case, one file each
                        (TNO: --task ivf --match 'VIS*' 'IR*')
  --by-brightness       the darkest image is the first, the brightest the
                        second (SICE, MEFB: --task mef)

A scene is any folder below SRC that holds images; its name is the path
from SRC with _ for /. The folders of OUT are named as the modalities of
the task: vis and ir, under and over, ...
"""
import argparse
import os
import sys
from collections.abc import Iterator
from fnmatch import fnmatch
from functools import partial
from pathlib import Path
from typing import NamedTuple

import cv2

from mmfusion.cli.flags import add_size_rule, one_of
from mmfusion.cli.legacy import run
from mmfusion.datasets.conversion import (checked_folders, place_file,
                                          read_pair, report_failures,
                                          run_converter, run_jobs)
from mmfusion.fileio import image_files, is_data, natural_key, read_image
from mmfusion.fileio.paths import Made, check_outputs
from mmfusion.tasks import TASKS


class SceneFiles(NamedTuple):
    """A scene and the names of its images."""
    folder: Path
    name: str
    images: tuple[str, ...]


def find_scenes(src: Path, skip=()) -> list[SceneFiles]:
    """Every folder with images, in natural order.

    Raises:
        FileNotFoundError: If there is none.
        ValueError: If two get one name.
    """
    scenes = {}
    for folder, below, _ in os.walk(src):
        below[:] = [
            name for name in below if name not in skip and is_data(name)
        ]
        images = tuple(path.name for path in image_files(folder))
        if not images or Path(folder) == src:
            continue
        name = '_'.join(Path(folder).relative_to(src).parts)
        if name in scenes:
            raise ValueError(
                f'{folder}: expected scenes of different names, got a second '
                f'{name!r}; rename one of the folders')
        scenes[name] = SceneFiles(Path(folder), name, images)
    if not scenes:
        raise FileNotFoundError(
            f'expected a folder of images for each scene below {src}, got '
            'none; two folders of images are plain_pairs.py')
    return sorted(scenes.values(), key=lambda scene: natural_key(scene.name))


def choose_by_pattern(scene: SceneFiles, patterns) -> list[Path]:
    """The one image that fits each pattern.

    Raises:
        ValueError: If none or several do.
    """
    chosen = []
    for pattern in patterns:
        fitting = [
            name for name in scene.images
            if fnmatch(name.lower(), pattern.lower())
        ]
        if len(fitting) != 1:
            raise ValueError(
                f'{scene.folder}: expected one image like {pattern!r}, got '
                f'{", ".join(fitting) or "none"}')
        chosen.append(scene.folder / fitting[0])
    if chosen[0] == chosen[1]:
        raise ValueError(
            f'{scene.folder}: expected two images, got {chosen[0].name} for '
            'both patterns')
    return chosen


def choose_by_brightness(scene: SceneFiles) -> list[Path]:
    """The darkest and the brightest image, by their mean luminance.

    Raises:
        ValueError: If there are fewer than two images, or one is damaged.
    """
    if len(scene.images) < 2:
        raise ValueError(f'{scene.folder}: expected two exposures or more, '
                         f'got {scene.images[0]} alone')
    paths = [scene.folder / name for name in scene.images]
    means = [
        cv2.mean(read_image(str(path), cv2.IMREAD_GRAYSCALE))[0]
        for path in paths
    ]
    order = sorted(range(len(paths)), key=lambda index: means[index])
    return [paths[order[0]], paths[order[-1]]]


def convert_one(out: Path, folders, choose, link: bool,
                on_size_mismatch: str | None, scene: SceneFiles) -> None:
    """Check and place one scene.

    Raises:
        ValueError: If its images cannot be told apart, are damaged or of
            different sizes.
    """
    paths = choose(scene)
    read_pair(*paths, on_size_mismatch)
    for folder, path in zip(folders, paths, strict=True):
        place_file(path, out / folder / (scene.name + path.suffix.lower()),
                   link)


def planned(out: Path, folders, scenes: list[SceneFiles]) -> Iterator[Made]:
    """What may be written, and of what."""
    for scene in scenes:
        images: dict[str, list[Path]] = {}
        for name in scene.images:
            path = scene.folder / name
            images.setdefault(path.suffix.lower(), []).append(path)
        for suffix, paths in images.items():
            for folder in folders:
                yield out / folder / (scene.name + suffix), paths


def convert(src, out, task: str, match=None, by_brightness: bool = False,
            skip=(), link: bool = False, on_size_mismatch: str | None = None,
            overwrite: bool = False, workers: int = 0) -> int:
    """Convert all scenes.

    Returns:
        int: 0, or 1 if scenes failed; the others are converted.
    """
    if bool(match) == by_brightness:
        raise ValueError('expected either --match or --by-brightness')
    src, out = checked_folders(src, out)
    choose = (choose_by_brightness if by_brightness else partial(
        choose_by_pattern, patterns=match))
    folders, scenes = list(TASKS[task].modalities), find_scenes(src, skip)
    check_outputs(planned(out, folders, scenes), overwrite=overwrite,
                  copies=True)
    outcomes = run_jobs(
        partial(convert_one, out, folders, choose, link, on_size_mismatch),
        scenes, workers)
    done = sum(error is None for _, _, error in outcomes)
    print(f'{out}: {done} pairs of {" and ".join(TASKS[task].modalities)}')
    return report_failures(outcomes, 'scene')


def main(argv=None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('src', help='folder of the scenes')
    parser.add_argument('out', help='output folder')
    parser.add_argument('--task', **one_of(TASKS), required=True,
                        help='what the pairs are; names the output folders')
    parser.add_argument('--match', nargs=2, metavar=('FIRST', 'SECOND'))
    parser.add_argument('--by-brightness', action='store_true')
    parser.add_argument('--skip', nargs='+', default=(), metavar='NAME',
                        help='folders that are no scenes (SICE: Label)')
    parser.add_argument('--link', action='store_true',
                        help='link to images, do not copy')
    add_size_rule(parser)
    return run_converter(parser, convert, argv)


if __name__ == '__main__':
    sys.exit(run(main))
