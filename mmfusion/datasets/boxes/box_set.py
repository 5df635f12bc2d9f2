"""Where a detection set keeps its pairs and annotations."""
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from mmfusion.fileio import IMG_SUFFIXES, image_files, read_lines
from mmfusion.fileio.paths import name_below

from .coco import Box
from .formats import read_voc

_SPELLINGS = [
    spell(suffix)
    for spell in (str, str.upper, lambda x: f'.{x[1:].capitalize()}')
    for suffix in IMG_SUFFIXES
]


@dataclass(frozen=True)
class Job:
    """Files of one pair, from the root of the set.

    ``annotation`` is None where the set says that there are no objects by
    leaving the file out.
    """
    vis: str
    ir: str
    annotation: str | None
    condition: str | None = None

    def __str__(self) -> str:
        return self.annotation or self.vis


class BoxSet:
    """Pairs with boxes as they are published; by itself, anyone's VOC files.

    Args:
        labels (str): ``'vis'`` or ``'ir'``: whose boxes, of a set that has
            both.
        max_occlusion (int): 0 none, 1 partial, 2 heavy: more occluded
            objects are ignored ones, of a set that tells.
    """
    #: how the folder looks, for errors and help
    hint = ('{train,val,test}/{vis,ir}/NAME, '
            '{train,val,test}/Annotations/NAME.xml')
    splits: tuple[str, ...] = ('train', 'val', 'test')
    #: visible and infrared images and annotations of a split
    folders: tuple[str, str, str] = ('{0}/vis', '{0}/ir', '{0}/Annotations')
    #: in the order of their categories
    classes: tuple[str, ...] = ()
    #: names in the files that mean another class
    aliases: dict[str, str] = {}
    #: classes whose objects are neither found nor missed
    ignored: tuple[str, ...] = ()

    def __init__(self, labels: str = 'ir', max_occlusion: int = 2) -> None:
        self.labels = labels
        self.max_occlusion = max_occlusion

    def find(self, root: Path) -> dict[str, list[Job]]:
        """The jobs of each split.

        Raises:
            FileNotFoundError: If a folder does not exist.
            ValueError: If a split file is not as expected; names it.
        """
        vis, ir, notes = self.folders
        return {
            split:
            pairs(root, root / vis.format(split), root / ir.format(split),
                  one_of(root, notes.format(split))) for split in self.splits
            if (root / vis.format(split)).is_dir()
        }

    def read(self, path: Path) -> list[Box]:
        """The boxes of an annotation.

        Raises:
            ValueError: If the file is damaged; names it.
        """
        return read_voc(path)


def one_of(root: Path, *names: str) -> Path:
    """The first of several folders that exists."""
    for name in names:
        if (root / name).is_dir():
            return root / name
    raise FileNotFoundError(
        f'expected a folder {" or ".join(names)} in {root}, got none')


def image_name(root: Path, folder: Path, stem: str) -> str:
    """The image of a stem, from the root; an absent one where there is none,
    so that the converter names it.

    Raises:
        UsageError: If the stem leads out of the folder.
    """
    stem = name_below(folder, stem, f'{folder}, a list of stems')
    path = next((path for suffix in _SPELLINGS
                 if (path := folder / f'{stem}{suffix}').is_file()),
                folder / f'{stem}{_SPELLINGS[0]}')
    return path.relative_to(root).as_posix()


def listed_stems(root: Path, files: dict[str, str]) -> dict[str, list[str]]:
    """Stems that the split files name, of those that exist."""
    return {
        split: [Path(line).stem for line in read_lines(root / name)]
        for split, name in files.items() if (root / name).is_file()
    }


def pairs(root: Path, vis: Path, ir: Path, notes: Path,
          stems: Iterable[str] | None = None,
          ends: tuple[str, str, str] = ('', '', '.xml'),
          optional: bool = False) -> list[Job]:
    """Files of two folders and of their notes.

    Args:
        root, vis, ir, notes (Path): Folders.
        stems (iterable[str], optional): Defaults to those of ``vis``.
        ends (tuple[str, str, str]): What names have behind the stem; images
            have a suffix, too.
        optional (bool): Whether a pair without objects has no notes.

    Returns:
        list[Job]: A job a stem.
    """
    if stems is None:
        stems = [path.stem for path in image_files(vis)]
    jobs = []
    for stem in stems:
        note = notes / f'{stem}{ends[2]}'
        jobs.append(
            Job(
                image_name(root, vis, f'{stem}{ends[0]}'),
                image_name(root, ir, f'{stem}{ends[1]}'), None if optional
                and not note.is_file() else note.relative_to(root).as_posix()))
    return jobs
