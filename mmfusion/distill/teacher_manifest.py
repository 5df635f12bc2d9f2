"""What is known of a teacher's images, and whether they are sound."""
import hashlib
import json
import re
import time
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from mmfusion.datasets.teacher_settings import MANIFEST
from mmfusion.fileio import read_image
from mmfusion.fileio.paths import output_path
from mmfusion.utils.errors import UsageError, changed_entries, printable
from mmfusion.utils.files import write_json
from mmfusion.utils.progress import announce

_SAVE_EVERY = 5  # seconds between two versions of the manifest
_PART = re.compile(r'manifest\.\d+-of-\d+\.json')


def manifests(out: Path) -> list[Path]:
    """The manifests of a folder, those of shards included."""
    return [
        path for path in out.glob('manifest*.json')
        if path.name == MANIFEST or _PART.fullmatch(path.name)
    ]


def forget(out: Path) -> None:
    """Remove all :func:`manifests`."""
    for path in manifests(out):
        path.unlink(missing_ok=True)


def checksum(path: Path) -> str:
    """SHA-256 of a file, as hexadecimal text."""
    digest = hashlib.sha256()
    with open(path, 'rb') as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


class Manifest:
    """What is known of the images of a folder.

    Args:
        out (Path): The folder.
        settings (dict): What all images depend on.
        shard (tuple[int, int]): Index and number of shards.
        restart (bool): Whether to forget what is there, see :func:`forget`.

    Raises:
        UsageError: If images of other settings are there; names them.
    """

    def __init__(self, out: Path, settings: dict, shard: tuple[int, int],
                 restart: bool = False) -> None:
        self.out = out
        self.settings = json.loads(json.dumps(settings))
        self.shards = shard[1]
        index, shards = shard
        name = MANIFEST if shards == 1 else self._part(index)
        self.path = out / name
        self.images: dict[str, dict] = {}
        self._saved = time.monotonic()
        if restart:
            forget(out)
        # The joined one last: it is there before the parts go.
        for path in (self.path, out / MANIFEST):
            self.images.update(self._read(path))

    def _part(self, index: int) -> str:
        return f'manifest.{index}-of-{self.shards}.json'

    def _read(self, path: Path) -> dict:
        if not path.exists():
            return {}
        try:
            content = json.loads(path.read_text())
        except (ValueError, RecursionError):
            announce([f'{path} is damaged: its images are made anew'])
            return {}
        try:
            images = {
                name: dict(item) for name, item in content['images'].items()
            }
            settings = dict(content['settings'])
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise UsageError(
                f'{path}: expected a manifest of this tool, got something '
                'else. Name another --out, or give --restart.') from error
        changed = changed_entries(settings, self.settings)
        if changed:
            raise UsageError(
                f'{path} is of images made otherwise ({changed}). '
                'Name another --out, or give --restart to make them anew.')
        return images

    def has(self, stem: str, feature: Path | None = None) -> bool:
        """Whether image and feature are known and their files as before.

        Args:
            stem (str): Of the image.
            feature (Path, optional): Where its feature is, if one is asked
                for.
        """
        known = self.images.get(stem, {})
        files = dict(sha256=output_path(self.out, stem),
                     feature_sha256=feature)
        return all(path.is_file() and checksum(path) == known.get(key)
                   for key, path in files.items() if path is not None)

    def add(self, stem: str, path: Path, seconds: float,
            feature: Path | None = None) -> None:
        """Note an image and its feature; now and then the file is written.

        Args:
            stem (str): Of the image.
            path (Path): The image.
            seconds (float): What it took.
            feature (Path, optional): Its feature.
        """
        self.images[stem] = dict(sha256=checksum(path),
                                 seconds=round(seconds, 4))
        if feature is not None:
            self.images[stem]['feature_sha256'] = checksum(feature)
        if time.monotonic() - self._saved > _SAVE_EVERY:
            self.save()

    def save(self) -> None:
        """Write what is known."""
        self._saved = time.monotonic()
        write_json(self.path, dict(settings=self.settings, images=self.images))

    def join(self, stems: Sequence[str]) -> Path | None:
        """One manifest of all shards, if all images are there.

        Parts of images made otherwise are left out with a note: their shard
        has yet to run.

        Returns:
            Path | None: Where it is.
        """
        parts = [self.out / self._part(index) for index in range(self.shards)]
        if self.shards > 1:
            for path in (*parts, self.out / MANIFEST):
                try:
                    found = self._read(path)
                except UsageError as error:
                    announce([str(error)], 'not joined')
                else:
                    self.images = {**found, **self.images}
        if any(stem not in self.images for stem in stems):
            return None
        target = self.out / MANIFEST
        write_json(target, dict(settings=self.settings, images=self.images))
        for path in parts if self.shards > 1 else ():
            path.unlink(missing_ok=True)
        return target


def check_images(out: Path, pairs: Sequence[dict]) -> int:
    """Print size, mean and deviation of all images; point at odd ones.

    Args:
        out (Path): Folder of the teacher's images.
        pairs (sequence[dict]): ``stem`` and ``vis_path`` of each.

    Returns:
        int: How many images are missing or have another size than the
        visible image.
    """
    rows, wrong = [], 0
    for pair in pairs:
        path = output_path(out, pair['stem'])
        if not path.is_file():
            announce([str(path)], 'missing')
            wrong += 1
            continue
        image = read_image(str(path), cv2.IMREAD_GRAYSCALE)
        size = read_image(pair['vis_path'], cv2.IMREAD_GRAYSCALE).shape
        if image.shape != size:
            announce([str(path)], f'expected {size}, got {image.shape}')
            wrong += 1
        rows.append((pair['stem'], float(image.mean()), float(image.std())))
    if not rows:
        return wrong
    values = np.array([row[1:] for row in rows])
    middle = np.median(values, 0)
    spread = 1.4826 * np.median(np.abs(values - middle), 0)
    odd = (np.abs(values - middle) > 3 * np.maximum(spread, 1.)).any(1)
    print(f'{len(rows)} images, median of their mean {middle[0]:.1f} and '
          f'deviation {middle[1]:.1f} (0..255), {int(odd.sum())} outliers')
    for (stem, mean, std), is_odd in zip(rows, odd, strict=True):
        if is_odd:
            print(
                printable(f'outlier: {stem}: mean {mean:.1f}, deviation '
                          f'{std:.1f}'))
    return wrong
