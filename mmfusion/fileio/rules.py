"""How the files of one sample are named and found."""
import os
import os.path as osp
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any

import mmengine.fileio as fileio

IMG_SUFFIXES = ('.png', '.jpg', '.jpeg', '.bmp', '.tif', '.tiff', '.webp',
                '.pgm', '.ppm')
Suffix = str | Sequence[str] | None
#: folders that programs leave among data: copies and thumbnails
_FOREIGN = ('__MACOSX', '@eaDir')


def natural_key(text: str) -> tuple:
    """Sort key that orders ``2.png`` before ``10.png``.

    The text itself breaks ties (``2`` and ``02``), so the order depends
    on the names alone.

    Examples:
        >>> sorted(['10.png', '2.png'], key=natural_key)
        ['2.png', '10.png']
    """
    parts = re.split(r'(\d+)', text)
    return tuple((0, int(part), '') if part.isdecimal() else (1, 0, part)
                 for part in parts), text


def is_data(path: str | PurePath) -> bool:
    """Whether a file or folder, named from the root of its set, is no hidden
    one and in none, such as ``.ipynb_checkpoints``.

    Examples:
        >>> [is_data(path) for path in ('a/1.png', '.b/1.png', 'a/._1.png')]
        [True, False, False]
    """
    return not any(
        part.startswith('.') or part in _FOREIGN
        for part in PurePath(path).parts)


def data_paths(folder: str | Path, pattern: str = '*') -> list[Path]:
    """Files and folders that fit a glob pattern and :func:`is_data`."""
    folder = Path(folder)
    return sorted(path for path in folder.glob(pattern)
                  if is_data(path.relative_to(folder)))


def image_files(folder: str | Path) -> list[Path]:
    """Images of a folder, without sub-folders, in natural order."""
    return sorted((path for path in data_paths(folder)
                   if path.suffix.lower() in IMG_SUFFIXES and path.is_file()),
                  key=lambda path: natural_key(path.name))


def files_below(folder: str,
                backend_args: dict | None = None) -> Iterator[str]:
    """Files of a folder and its sub-folders, from it on, in any order.

    Links are followed, but for those to a folder that they lie in. What is
    no data is left out, see :func:`is_data`.
    """
    backend = fileio.get_file_backend(folder, backend_args=backend_args)
    if not isinstance(backend, fileio.LocalBackend):
        yield from filter(
            is_data,
            backend.list_dir_or_file(folder, list_dir=False, recursive=True))
        return
    todo: list[tuple[str, frozenset[str]]] = [('', frozenset())]
    while todo:
        below, above = todo.pop()
        place = osp.join(folder, below)
        real = osp.realpath(place)
        if real in above:
            continue
        with os.scandir(place) as entries:
            for entry in entries:
                path = osp.join(below, entry.name)
                if not is_data(entry.name):
                    continue
                try:
                    if entry.is_dir():
                        todo.append((path, above | {real}))
                    elif entry.is_file():
                        yield path
                except OSError:  # a link to itself
                    continue


def sample_stem(sample: Mapping[str, Any]) -> str | None:
    """Name of a sample: its ``stem``, else that of its first image.

    Returns:
        str | None: None for arrays without a name.
    """
    if sample.get('stem'):
        return sample['stem']
    names = sample.get('modalities') or ('vis', )
    path = sample.get(f'{next(iter(names))}_path') or sample.get('img_path')
    return Path(path).stem if path else None


@dataclass(frozen=True)
class FileRule:
    """Naming rule of one folder.

    Args:
        suffix (str | tuple[str] | None): Accepted end(s) of the file name;
            None accepts every image suffix, in any case.
        stem (str): Template of the name without the suffix; ``{stem}``
            stands for the sample's stem, e.g. ``'{stem}_ir'``. It applies
            to the file name, not to the folders above it.

    Raises:
        ValueError: If ``stem`` does not hold ``{stem}`` exactly once.

    Examples:
        >>> FileRule(stem='{stem}_ir').match('night/12_ir.PNG')
        'night/12'
    """
    suffix: Suffix = None
    stem: str = '{stem}'

    def __post_init__(self) -> None:
        if self.stem.count('{stem}') != 1:
            raise ValueError(
                "Expected a stem rule that holds '{stem}' once, such as "
                f"'{{stem}}_ir', got {self.stem!r}.")

    @property
    def suffixes(self) -> tuple[str, ...]:
        """All accepted suffixes."""
        if self.suffix is None:
            return IMG_SUFFIXES
        return ((self.suffix, )
                if isinstance(self.suffix, str) else tuple(self.suffix))

    def match(self, path: str) -> str | None:
        """Stem of the sample that ``path`` belongs to.

        Args:
            path (str): Path relative to the folder, with ``/``.

        Returns:
            str | None: The stem, folders included; None where the rule
            does not fit.
        """
        folder, name = osp.split(path)
        lower = name.lower()
        # The longest suffix wins: '_seg.png' before '.png'.
        for suffix in sorted(self.suffixes, key=len, reverse=True):
            fits = (lower.endswith(suffix)
                    if self.suffix is None else name.endswith(suffix))
            if fits and len(name) > len(suffix):
                break
        else:
            return None
        before, after = self.stem.split('{stem}')
        name = name[:-len(suffix)]
        if (len(name) <= len(before) + len(after)
                or not name.startswith(before) or not name.endswith(after)):
            return None
        name = name[len(before):len(name) - len(after)]
        return osp.join(folder, name) if folder else name

    def list(self, folder: str, key: str, backend_args: dict | None = None,
             advice: str = 'Check its name.') -> dict[str, str]:
        """Find all files of the rule below ``folder``.

        Args:
            folder (str): The folder; searched with its sub-folders.
            key (str): What the files are, for messages.
            backend_args (dict, optional): File backend.
            advice (str): What to do where the folder does not exist.

        Returns:
            dict[str, str]: From stem to path, in natural order.

        Raises:
            FileNotFoundError: If the folder does not exist.
            ValueError: If it holds no fitting file, or two for one stem.
        """
        if not fileio.isdir(folder, backend_args=backend_args):
            raise FileNotFoundError(
                f'Expected the folder of {key!r} at {folder!r}, but there is '
                f'none. {advice}')
        paths: dict[str, str] = {}
        for path in files_below(folder, backend_args):
            stem = self.match(path.replace(os.sep, '/'))
            if stem is None:
                continue
            if stem in paths:
                raise ValueError(
                    f'Expected one file of {key!r} for the stem {stem!r} in '
                    f'{folder!r}, got {osp.basename(paths[stem])!r} and '
                    f'{osp.basename(path)!r}. Narrow the suffix of {key!r}.')
            paths[stem] = fileio.join_path(folder, path,
                                           backend_args=backend_args)
        if not paths:
            raise ValueError(
                f'Expected files of {key!r} in {folder!r} with suffix '
                f'{" or ".join(self.suffixes)} and names like '
                f'{self.stem!r}, got none. Check the folder, the suffix and '
                'the stem rule.')
        return dict(sorted(paths.items(), key=lambda i: natural_key(i[0])))


def join_by_stem(
    files: Mapping[str, Mapping[str, str]], stems: Sequence[str] | None = None
) -> tuple[list[tuple[str, dict[str, str]]], list[tuple[str, str]]]:
    """Bring together the files of several folders that share a stem.

    Args:
        files (mapping): Name of a folder -> what :meth:`FileRule.list`
            gives for it.
        stems (sequence[str], optional): Which; by default all that any
            folder has, in natural order.

    Returns:
        tuple[list, list]: Stem and paths, by the folders that have one, of
        each sample; stem and folder of each file that is missing.
    """
    if stems is None:
        stems = sorted(set().union(*files.values()), key=natural_key)
    samples = [(stem, {
        name: paths[stem] for name, paths in files.items() if stem in paths
    }) for stem in stems]
    missing = [(stem, name) for stem, found in samples for name in files
               if name not in found]
    return samples, missing
