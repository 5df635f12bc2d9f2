"""Where each detection set keeps its pairs and annotations."""
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from mmfusion.fileio import natural_key

from .formats import read_kaist, read_vedai, read_voc

_SUFFIXES = ('.png', '.jpg', '.jpeg', '.bmp', '.tif', '.tiff')
_SPELLINGS = (*_SUFFIXES, *map(str.upper, _SUFFIXES),
              *(f'.{suffix[1:].capitalize()}' for suffix in _SUFFIXES))


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


@dataclass(frozen=True)
class Layout:
    """One kind of set.

    Attributes:
        find (callable): ``find(root)`` gives the jobs of each split.
        read (callable): ``read(path)`` gives the boxes of an annotation.
        hint (str): How the folder looks, for errors and help.
    """
    find: Callable[[Path], dict[str, list[Job]]]
    read: Callable
    hint: str


def _files(folder: Path) -> list[Path]:
    """Images of a folder in natural order."""
    return sorted(
        (path
         for path in folder.glob('*') if path.suffix.lower() in _SUFFIXES),
        key=lambda path: natural_key(path.name))


def _one_of(root: Path, *names: str) -> Path:
    """The first of several folders that exists."""
    for name in names:
        if (root / name).is_dir():
            return root / name
    raise FileNotFoundError(
        f'expected a folder {" or ".join(names)} in {root}, got none')


def _partner(folder: Path, stem: str) -> Path:
    """The image of a stem; an absent one where there is none, so that the
    converter names it."""
    for suffix in _SPELLINGS:
        if (folder / f'{stem}{suffix}').is_file():
            return folder / f'{stem}{suffix}'
    return folder / f'{stem}{_SUFFIXES[0]}'


def _name(root: Path, path: Path) -> str:
    return path.relative_to(root).as_posix()


def _lines(path: Path) -> list[str]:
    words = (line.strip() for line in path.read_text().splitlines())
    return [word for word in words if word]


def _pairs(root: Path, vis: Path, ir: Path, notes: Path,
           stems: Iterable[str] | None = None,
           suffix: str = '.xml') -> list[Job]:
    """Pairs of two folders with equal stems; notes of the same stem."""
    if stems is None:
        stems = [path.stem for path in _files(vis)]
    return [
        Job(_name(root, _partner(vis, stem)), _name(root, _partner(ir, stem)),
            _name(root, notes / f'{stem}{suffix}')) for stem in stems
    ]


def _llvip(root: Path) -> dict[str, list[Job]]:
    notes = _one_of(root, 'Annotations')
    return {
        split:
        _pairs(root, root / 'visible' / split, root / 'infrared' / split,
               notes)
        for split in ('train', 'test') if (root / 'visible' / split).is_dir()
    }


def _m3fd(root: Path) -> dict[str, list[Job]]:
    vis = _one_of(root, 'Vis', 'vi', 'vis')
    ir = _one_of(root, 'Ir', 'ir')
    notes = _one_of(root, 'Annotation', 'annotation', 'labels')
    splits = {
        split: root / 'meta' / f'{split}.txt'
        for split in ('train', 'val', 'test')
        if (root / 'meta' / f'{split}.txt').is_file()
    }
    if not splits:
        return dict(all=_pairs(root, vis, ir, notes))
    return {
        split:
        _pairs(root, vis, ir, notes,
               [Path(line).stem for line in _lines(path)])
        for split, path in splits.items()
    }


def _flir(root: Path) -> dict[str, list[Job]]:
    images = _one_of(root, 'JPEGImages')
    notes = _one_of(root, 'Annotations')
    found = {}
    for split in ('train', 'validation'):
        path = root / f'align_{split}.txt'
        if not path.is_file():
            continue
        stems = [
            Path(line).stem.removesuffix('_PreviewData')
            for line in _lines(path)
        ]
        found[split] = [
            Job(_name(root, _partner(images, f'{stem}_RGB')),
                _name(root, _partner(images, f'{stem}_PreviewData')),
                _name(root, notes / f'{stem}_PreviewData.xml'))
            for stem in stems
        ]
    return found


#: KAIST's sets that were taken at night; the others are of the day
KAIST_NIGHT = ('set03', 'set04', 'set05', 'set09', 'set10', 'set11')


def _kaist(root: Path) -> dict[str, list[Job]]:
    images, notes = _one_of(root, 'images'), _one_of(root, 'annotations')
    found = {}
    for path in sorted(_one_of(root, 'imageSets').glob('*.txt')):
        found[path.stem] = []
        for line in _lines(path):
            parts = Path(line).parts[-3:]
            if len(parts) < 3:
                raise ValueError(f'{path}: expected set00/V000/I00000 in '
                                 f'every line, got {line!r}')
            part, video, stem = parts
            # The sanitized annotations are flat, the original ones nested.
            flat = notes / f'{part}_{video}_{stem}.txt'
            nested = notes / part / video / f'{stem}.txt'
            found[path.stem].append(
                Job(
                    _name(root,
                          _partner(images / part / video / 'visible', stem)),
                    _name(root, _partner(images / part / video / 'lwir',
                                         stem)),
                    _name(root, flat if flat.is_file() else nested),
                    'night' if part in KAIST_NIGHT else 'day'))
    return found


def _vedai(root: Path) -> dict[str, list[Job]]:
    images = _one_of(root, 'Vehicules512', 'Vehicules1024', 'images')
    notes = _one_of(root, 'Annotations512', 'Annotations1024', 'annotations')
    splits = {
        split: root / name
        for split, name in dict(train='fold01.txt',
                                test='fold01test.txt').items()
        if (root / name).is_file()
    }
    names = {
        split: [Path(line).stem for line in _lines(path)]
        for split, path in splits.items()
    } or dict(all=[
        path.stem.removesuffix('_co')
        for path in _files(images) if path.stem.endswith('_co')
    ])
    found = {}
    for split, stems in names.items():
        found[split] = []
        for stem in stems:
            note = notes / f'{stem}.txt'
            found[split].append(
                Job(
                    _name(root, _partner(images, f'{stem}_co')),
                    _name(root, _partner(images, f'{stem}_ir')),
                    # Images without vehicles have no file.
                    _name(root, note) if note.is_file() else None))
    return found


def _dronevehicle(root: Path, labels: str) -> dict[str, list[Job]]:
    tail = dict(vis='label', ir='labelr')[labels]
    return {
        split:
        _pairs(root, root / split / f'{split}img',
               root / split / f'{split}imgr', root / split / f'{split}{tail}')
        for split in ('train', 'val', 'test')
        if (root / split / f'{split}img').is_dir()
    }


def _voc(root: Path) -> dict[str, list[Job]]:
    splits: Sequence[str] = [
        split for split in ('train', 'val', 'test')
        if (root / split / 'vis').is_dir()
    ]
    return {
        split:
        _pairs(root, root / split / 'vis', root / split / 'ir',
               root / split / 'Annotations')
        for split in splits
    }


LAYOUTS: dict[str, Callable[..., Layout]] = dict(
    llvip=lambda **_: Layout(
        _llvip, read_voc,
        '{visible,infrared}/{train,test}/NAME.jpg, Annotations/NAME.xml'),
    m3fd=lambda **_: Layout(
        _m3fd, read_voc, '{Vis,Ir}/NAME.png, Annotation/NAME.xml, optional '
        'meta/{train,val}.txt'), flir=lambda **_: Layout(
            _flir, read_voc, 'JPEGImages/NAME_{RGB,PreviewData}.jpg, '
            'Annotations/NAME_PreviewData.xml, align_{train,validation}.txt'),
    kaist=lambda max_occlusion=2, **_: Layout(
        _kaist, partial(read_kaist, max_occlusion=max_occlusion),
        'images/set00/V000/{visible,lwir}/NAME.jpg, '
        'annotations/set00/V000/NAME.txt, imageSets/*.txt'),
    vedai=lambda **_: Layout(
        _vedai, read_vedai, 'Vehicules512/NAME_{co,ir}.png, '
        'Annotations512/NAME.txt, optional fold01.txt, fold01test.txt'),
    dronevehicle=lambda labels='ir', **_: Layout(
        partial(_dronevehicle, labels=labels), read_voc,
        'train/{trainimg,trainimgr,trainlabel,trainlabelr}/NAME'),
    voc=lambda **_: Layout(
        _voc, read_voc, '{train,val,test}/{vis,ir}/NAME, '
        '{train,val,test}/Annotations/NAME.xml'))
