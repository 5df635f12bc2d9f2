"""What a user names to be fused: images, folders, patterns or videos."""
import glob
import os
import re
from collections.abc import Sequence
from pathlib import Path

import cv2

from mmfusion.utils.errors import UsageError

from .h5 import split_h5_path
from .rules import IMG_SUFFIXES, is_data, natural_key

PathLike = str | os.PathLike
VIDEO_SUFFIXES = ('.mp4', '.mov', '.mkv', '.avi', '.m4v', '.webm', '.mpg',
                  '.mpeg', '.wmv')
_WILD = re.compile(r'(\*\*/|\*\*|\*|\?|\[[^]]+\])')
_AS_REGEX = {'**/': '(?:(.*)/)?', '**': '(.*)', '*': '([^/]*)', '?': '([^/])'}


def is_pattern(path: PathLike) -> bool:
    """Whether this is a glob pattern, and no file or folder of that name."""
    text = os.fspath(path)
    return bool(_WILD.search(text)) and not os.path.exists(text)


def source_kind(path: PathLike) -> str:
    """``'image'``, ``'folder'``, ``'pattern'`` or ``'video'``.

    Of an image, no more is looked at than its beginning.

    Raises:
        FileNotFoundError: If there is no such file or folder.
        UsageError: If a file is empty, or begins as no image does.
    """
    text = os.fspath(path)
    if '://' in text or text.lower().endswith(VIDEO_SUFFIXES):
        if '://' not in text and not os.path.exists(text):
            raise FileNotFoundError(f'Expected a video at {text!r}, but there '
                                    'is none.')
        return 'folder' if os.path.isdir(text) else 'video'
    if os.path.isdir(text):
        return 'folder'
    if is_pattern(text):
        return 'pattern'
    if split_h5_path(text) and not os.path.isfile(text):
        return 'image'
    if not os.path.isfile(text):
        raise FileNotFoundError(
            f'Expected an image or a folder at {text!r}, but there is none.')
    size = os.path.getsize(text)
    if not size:
        raise UsageError(f'Expected an image, got an empty file: {text!r}.')
    # OpenCV crashes on names that are no UTF-8
    if _is_utf8(text) and not cv2.haveImageReader(text):
        raise UsageError(
            f'Expected an image, got a file that is none: {text!r} ({size} '
            f'bytes). Images are {", ".join(IMG_SUFFIXES)}, videos '
            f'{", ".join(VIDEO_SUFFIXES)}.')
    return 'image'


def common_kind(sources: Sequence[PathLike]) -> str:
    """The kind of all sources; see :func:`source_kind`.

    Raises:
        FileNotFoundError: If one does not exist.
        UsageError: If they are of several kinds, or one is no image.
    """
    kinds = [source_kind(path) for path in sources]
    if len(set(kinds)) > 1:
        told = ' and '.join(f'the {kind} {os.fspath(path)!r}'
                            for kind, path in zip(kinds, sources, strict=True))
        raise UsageError(f'Expected sources of one kind, got {told}. Name '
                         'two images, two folders, two patterns or two '
                         'videos.')
    return kinds[0]


def image_path(path: PathLike, source: PathLike) -> Path:
    """The image that ``path`` names; in a folder, under the source's name.

    Raises:
        UsageError: If it names neither an image nor a folder.
    """
    text = os.fspath(path)
    if text.endswith(('/', os.sep)) or os.path.isdir(text):
        return Path(text, f'{Path(source).stem}.png')
    if not text.lower().endswith(IMG_SUFFIXES):
        raise UsageError(
            f'Expected an image ({", ".join(IMG_SUFFIXES)}) or a folder, '
            f'which ends in a slash, for the fused image, got {text!r}.')
    return Path(text)


def files_like(pattern: str) -> dict[str, str]:
    """Images that fit a glob pattern, by what its wildcards stand for.

    So ``'*_vis.png'`` and ``'*_ir.png'`` have the same keys for one pair.

    Raises:
        FileNotFoundError: If there is none.
        UsageError: If the wildcards stand for the same in two.
    """
    folder, name = os.path.split(pattern)
    stem = os.path.join(folder, os.path.splitext(name)[0])
    rule = re.compile(''.join(
        _AS_REGEX.get(part) or (
            f'([{part[1:-1].replace("!", "^", 1)}])' if index %
            2 else re.escape(part))
        for index, part in enumerate(_WILD.split(stem))))
    found: dict[str, str] = {}
    for path in glob.glob(pattern, recursive=True):
        match = rule.fullmatch(os.path.splitext(path)[0])
        if (match is None or not path.lower().endswith(IMG_SUFFIXES)
                or not is_data(os.path.basename(path))):
            continue
        key = '/'.join(filter(None, match.groups())) or Path(path).stem
        if key in found:
            raise UsageError(f'Expected one file for {key!r} of {pattern!r}, '
                             f'got {found[key]!r} and {path!r}. Narrow the '
                             'pattern.')
        found[key] = path
    if not found:
        raise FileNotFoundError(
            f'Expected images like {pattern!r}, but there are none.')
    return dict(sorted(found.items(), key=lambda item: natural_key(item[0])))


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
