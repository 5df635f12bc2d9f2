"""Captions of images: JSON, CSV and text files."""
import csv
import io
import re
from collections.abc import Iterator
from pathlib import Path
from reprlib import repr as brief
from typing import Any

from mmfusion.utils.errors import UsageError
from mmfusion.utils.files import parse_json

from .paths import name_below
from .rules import IMG_SUFFIXES, data_paths, natural_key
from .texts import read_text

#: The texts of one pair; each is encoded by itself.
Caption = tuple[str, ...]
_NAME_KEYS = ('stem', 'name', 'file_name', 'image')
_TEXT_KEYS = ('captions', 'caption', 'text')


def read_captions(path: str | Path) -> dict[str, Caption]:
    """Read the captions of a data set.

    - ``.json``: ``{"00001": "a street", "00002": ["a car", "a man"]}``, or
      a list of ``{"name": "00001", "caption": "a street"}`` (also ``stem``,
      ``file_name``, ``image``; ``captions``, ``text``).
    - ``.csv``: a line of column names, then one line a pair: its name, and
      a caption in each further column.
    - ``.txt``: one line a pair: its name, a tab, and captions separated by
      tabs.
    - a folder of ``NAME.txt``: one caption a line.

    Image suffixes of names are dropped.

    Args:
        path (str | Path): The file or folder.

    Returns:
        dict[str, tuple[str, ...]]: Captions by stem, in natural order.

    Raises:
        FileNotFoundError: If there is no such file or folder.
        UsageError: If it has another form, a name twice or none, or an
            empty caption; names the entry.
    """
    path = Path(path)
    if path.is_dir():
        entries = _from_folder(path)
    elif not path.is_file():
        raise FileNotFoundError(
            f'Expected captions at {str(path)!r}, but there is nothing.')
    elif path.suffix.lower() in _READERS:
        entries = _READERS[path.suffix.lower()](read_text(path), str(path))
    else:
        raise UsageError(
            f'{path}: expected a file of {", ".join(_READERS)} or a folder '
            f'of .txt files, got the suffix {path.suffix!r}.')
    captions: dict[str, Caption] = {}
    for place, name, texts in entries:
        stem = _stem(name, place)
        if stem in captions:
            raise UsageError(f'{place}: the name {stem!r} is there twice.')
        captions[stem] = _checked(texts, place, stem)
    if not captions:
        raise UsageError(f'{path}: expected captions, got none.')
    return dict(sorted(captions.items(), key=lambda i: natural_key(i[0])))


Entries = Iterator[tuple[str, Any, Any]]


def _from_json(text: str, path: str) -> Entries:
    content = parse_json(text, path)
    if isinstance(content, dict):
        for name, texts in content.items():
            yield path, name, texts
        return
    if not isinstance(content, list):
        raise UsageError(f'{path}: expected a mapping or a list, got '
                         f'{type(content).__name__}.')
    for index, entry in enumerate(content):
        place = f'{path}, entry {index}'
        if not isinstance(entry, dict):
            raise UsageError(
                f'{place}: expected a mapping, got {brief(entry)}.')
        yield (place, _one(entry, _NAME_KEYS,
                           place), _one(entry, _TEXT_KEYS, place))


def _from_csv(text: str, path: str) -> Entries:
    rows = _rows(text, path)
    _, head = next(rows, (1, []))
    if len(head) < 2 or head[0].strip().lower() not in _NAME_KEYS:
        raise UsageError(
            f'{path}: expected a first line of column names that begins '
            f'with one of {list(_NAME_KEYS)}, such as "stem,caption", got '
            f'{",".join(head)!r}.')
    for number, row in rows:
        if row:
            yield (f'{path}, line {number}', row[0],
                   [cell for cell in row[1:] if cell.strip()])


def _rows(text: str, path: str) -> Iterator[tuple[int, list[str]]]:
    rows = csv.reader(io.StringIO(text, newline=''))
    try:
        for row in rows:
            yield rows.line_num, row
    except csv.Error as error:
        raise UsageError(
            f'{path}, line {rows.line_num}: expected CSV ({error}).'
        ) from error


def _from_txt(text: str, path: str) -> Entries:
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        name, tab, rest = line.partition('\t')
        if not tab:
            raise UsageError(
                f'{path}, line {number}: expected a name, a tab and a '
                f'caption, got {line[:60]!r} without a tab.')
        yield f'{path}, line {number}', name, rest.split('\t')


def _from_folder(path: Path) -> Entries:
    for file in data_paths(path, '**/*.txt'):
        lines = read_text(file).splitlines()
        name = file.relative_to(path).with_suffix('').as_posix()
        yield str(file), name, [line for line in lines if line.strip()]


_READERS = {'.json': _from_json, '.csv': _from_csv, '.txt': _from_txt}


def _one(entry: dict, keys: tuple[str, ...], place: str) -> Any:
    found = [key for key in keys if key in entry]
    if len(found) != 1:
        raise UsageError(f'{place}: expected one of the keys {list(keys)}, '
                         f'got {found or sorted(entry)}.')
    return entry[found[0]]


def _stem(name: Any, place: str) -> str:
    if not isinstance(name, str) or not name.strip():
        raise UsageError(
            f"{place}: expected an image's name, got {brief(name)}.")
    name = name_below('', name.strip().replace('\\', '/'), place)
    for suffix in IMG_SUFFIXES:
        if name.lower().endswith(suffix) and len(name) > len(suffix):
            return name[:-len(suffix)]
    return name


def _is_text(text: Any) -> bool:
    """Whether it says something; JSON also has halves of characters."""
    return isinstance(text, str) and bool(
        text.strip()) and not re.search('[\ud800-\udfff]', text)


def _checked(texts: Any, place: str, stem: str) -> Caption:
    texts: list[Any] = [texts] if isinstance(texts, str) else texts
    fine = (isinstance(texts, (list, tuple)) and texts
            and all(map(_is_text, texts)))
    if not fine:
        raise UsageError(f'{place}: expected a caption of {stem!r}, or '
                         f'several, got {brief(texts)}.')
    return tuple(text.strip() for text in texts)
