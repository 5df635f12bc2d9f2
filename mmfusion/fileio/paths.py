"""From names in data to paths, and what may not be written over."""
import filecmp
import os
import os.path as osp
import posixpath
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from mmfusion.utils.errors import UsageError
from mmfusion.utils.files import MAX_NAME, is_ours, name_digest, name_size

from .h5 import H5_SUFFIXES, split_h5_path

PathLike = str | os.PathLike
#: A file to be written, and the files that it is made of.
Made = tuple[PathLike, Sequence[PathLike]]
_Identity = tuple[int, int]


def name_below(root: PathLike, name: Any, record: str) -> str:
    """A name from data as a path that stays below a folder.

    Links below the folder are followed as the user has set them.

    Args:
        root (str | PathLike): The folder. '' stands for none: the user's
            own list, whose absolute names lose what makes them so.
        name (str): Relative to the folder, or absolute and below it.
        record (str): Where the name stands, for messages.

    Returns:
        str: The path from the folder on, normalized, with ``/``.

    Raises:
        UsageError: If the name is no text, empty or leads out of the
            folder; names the record.

    Examples:
        >>> name_below('data', 'night/./1.png', 'a.json, image 1')
        'night/1.png'
    """
    root = os.fspath(root)
    path = name if isinstance(name, str) and '\0' not in name else ''
    places = [path]
    if osp.isabs(path):
        places = [
            osp.relpath(real(path), real(root))
            for real in (osp.abspath, osp.realpath)
        ] if root else [osp.splitdrive(path)[1].lstrip('/\\')]
    for place in places:
        place = posixpath.normpath(place.replace(os.sep, '/'))
        if place.split('/')[0] not in ('.',
                                       '..') and not osp.splitdrive(place)[0]:
            return place
    raise UsageError(f'{record}: expected a name below {root!r}, got '
                     f'{name!r}.')


def output_path(folder: PathLike, name: str, ending: str = '.png',
                record: str | None = None) -> Path:
    """Where the output of a pair goes: ``<folder>/<name><ending>``.

    A name that is too long with its ending is cut, and told from others by
    a checksum.

    Raises:
        UsageError: If the name leads out of the folder.
    """
    place = name_below(folder, name, record or f'the pair {name!r}')
    parent, last = posixpath.split(place)
    if name_size(last + ending) > MAX_NAME:
        mark = f'~{name_digest(last)}'
        code = last.encode('utf-8', 'surrogateescape')
        room = MAX_NAME - len(ending) - len(mark)
        last = code[:room].decode('utf-8', 'ignore') + mark
    return Path(folder, parent, last + ending)


def label_map_path(folder: PathLike, sample: Mapping[str, Any]) -> Path:
    """Where a sample's predicted label map goes.

    Args:
        folder (str | PathLike): Of all label maps.
        sample (mapping): With the path of its first image and, for its
            sub-folder, its ``stem``.

    Raises:
        UsageError: If the name leads out of the folder.
    """
    first = next(iter(sample.get('modalities') or ('vis', )))
    image = Path(sample.get(f'{first}_path') or sample['img_path'])
    place = Path(sample.get('stem') or image.stem)
    return output_path(folder, place.with_name(image.stem).as_posix())


def sample_files(sample: Mapping[str, Any]) -> list[str]:
    """All files that a sample is read from."""
    found = []
    for key, value in sample.items():
        if not key.endswith('_path') or not value:
            continue
        single = isinstance(value, (str, os.PathLike))
        for path in (value, ) if single else value:
            field = split_h5_path(str(path))
            found.append(field[0] if field else str(path))
    return found


def check_outputs(made: Iterable[Made], folders: Iterable[PathLike] = (),
                  overwrite: bool = True, copies: bool = False,
                  ours: Callable[[Path], bool] = is_ours,
                  flag: str = '--overwrite') -> None:
    """Refuse to write over sources and, if asked, over others' files.

    Every writer calls this before it writes anything. Files are told by
    what they are, through links, hard links and the case of names.

    Args:
        made (iterable[tuple]): Each file to be written and the files that
            it is made of; also folders, with none.
        folders (iterable[str | PathLike]): Of the sources; nothing is
            written right into them.
        overwrite (bool): Whether files that are not ours may be replaced.
        copies (bool): Whether outputs are copies of their sources or links
            to them: equal files, and links, are ours.
        ours (callable): Tells whether an earlier run has made a file. By
            default by the mark that :func:`write_image` leaves.
        flag (str): Where a tool is told to overwrite.

    Raises:
        UsageError: If an output is a source, lies in a folder of sources,
            has the name of another one or is a foreign file; names both.
    """
    made = [(Path(path), [os.fspath(file) for file in files])
            for path, files in made]
    sources = _by_identity(file for _, files in made for file in files)
    taken = _by_identity(folders)
    parents: dict[Path, tuple[str, _Identity | None]] = {}
    seen: dict[tuple[str, str], list[str]] = {}
    foreign = []
    for path, files in made:
        parent = path.parent
        if parent not in parents:
            parents[parent] = osp.realpath(parent), _identity(parent)
        real, identity = parents[parent]
        if (real, path.name) in seen:
            raise UsageError(
                f'Expected outputs of different names, got {path} twice: of '
                f'{_told(seen[real, path.name])} and of {_told(files)}. '
                'Rename one, or name another folder.')
        seen[real, path.name] = files
        own = _identity(path)
        link = copies and path.is_symlink()
        for place, known in ((parent, files
                              and taken.get(identity)), (path, taken.get(own)),
                             (path, sources.get(_identity(path, False))),
                             (path, None if link else sources.get(own))):
            if known:
                raise UsageError(
                    f'Expected an output apart from the sources, got {place}, '
                    f'which is the source {known}. Name another.')
        if overwrite or own is None or path.is_dir():
            continue
        if not (link or ours(path) or copies and _is_copy(path, files)):
            foreign.append(path)
    if foreign:
        raise UsageError(
            f'Expected a new folder or one of this tool, got {len(foreign)} '
            f'file(s) of the same name that it has not written, such as '
            f'{foreign[0]}. Name another folder, or add {flag}.')


def source_folders(samples: Iterable[Mapping[str, Any]]) -> list[str]:
    """The folders that hold files of samples, HDF5 files aside."""
    return sorted({
        osp.dirname(file) or '.' for sample in samples
        for file in sample_files(sample)
        if not file.lower().endswith(H5_SUFFIXES)
    })


def raw_samples(dataset: Any, limit: int | None = None) -> list[dict]:
    """What the first samples of a dataset are before any transform.

    Returns:
        list[dict]: Empty where the dataset does not tell.
    """
    if not hasattr(dataset, 'get_data_info'):
        return []
    return [
        dataset.get_data_info(index) for index in range(len(dataset))[:limit]
    ]


def _told(files: Sequence[str]) -> str:
    return files[0] if files else 'another pair'


def _identity(path: PathLike, follow: bool = True) -> _Identity | None:
    """Equal for two paths of one file, or link; None where there is none."""
    try:
        status = os.stat(path, follow_symlinks=follow)
    except (OSError, ValueError):
        return None
    return status.st_dev, status.st_ino


def _by_identity(paths: Iterable[PathLike]) -> dict[_Identity | None, str]:
    known = {
        _identity(path, follow): os.fspath(path) for path in paths
        for follow in (True, False)
    }
    known.pop(None, None)
    return known


def _is_copy(path: Path, files: Sequence[str]) -> bool:
    return any(
        osp.isfile(file) and filecmp.cmp(path, file, shallow=False)
        for file in files)
