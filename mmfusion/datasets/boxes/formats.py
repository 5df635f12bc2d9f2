"""The annotation files of detection sets, one image a file."""
from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree

from .classes import VEDAI_NUMBERS
from .coco import Box

_KAIST_FIELDS = 11  # label, box, occlusion, visible box, ignored
_VEDAI_COLUMNS = 14


def _lines(path) -> list[str]:
    try:
        return Path(path).read_text(encoding='utf-8').splitlines()
    except UnicodeDecodeError as error:
        raise ValueError(f'{path}: expected a text file in UTF-8, got: '
                         f'{error}') from error


def _numbers(words: Sequence[str], path, line: str) -> list[float]:
    try:
        return [float(word) for word in words]
    except ValueError:
        raise ValueError(
            f'{path}: expected numbers, got {line.strip()!r}') from None


def _around(
    points: Sequence[tuple[float,
                           float]]) -> tuple[float, float, float, float]:
    """The horizontal box around a rotated one."""
    xs, ys = zip(*points, strict=True)
    return min(xs), min(ys), max(xs), max(ys)


def read_voc(path) -> list[Box]:
    """PASCAL VOC XML; ``polygon`` objects are reduced to horizontal boxes.

    VOC counts pixels from 1 with inclusive ends; sets that use this format
    today mostly do not, so corners are taken as they are. ``difficult``
    objects are ignored ones.

    Raises:
        ValueError: If it is no such file; names it.
    """
    try:
        root = ElementTree.parse(path).getroot()
    except ElementTree.ParseError as error:
        raise ValueError(
            f'{path}: expected an XML file, got: {error}') from error
    boxes = []
    for item in root.iter('object'):
        name = (item.findtext('name') or '').strip()
        polygon, plain = item.find('polygon'), item.find('bndbox')
        if polygon is not None:
            keys = [f'{axis}{k}' for k in range(1, 5) for axis in 'xy']
            values = _texts(polygon, keys, path)
            corners = _around(list(zip(values[::2], values[1::2],
                                       strict=True)))
        elif plain is not None:
            corners = tuple(
                _texts(plain, ('xmin', 'ymin', 'xmax', 'ymax'), path))
        elif item.find('point') is not None:  # DroneVehicle has a few
            x, y = _texts(item.find('point'), ('x', 'y'), path)
            corners = (x, y, x, y)
        else:
            raise ValueError(f'{path}: expected bndbox or polygon of the '
                             f'object {name!r}, got neither')
        difficult = (item.findtext('difficult') or '0').strip() == '1'
        boxes.append(Box(name, corners, difficult))
    return boxes


def _texts(node, keys: Sequence[str], path) -> list[float]:
    words = [node.findtext(key) for key in keys]
    if None in words:
        raise ValueError(f'{path}: expected {list(keys)} in {node.tag}, got '
                         f'{[child.tag for child in node]}')
    return _numbers(words, path, ' '.join(words))


def read_kaist(path, max_occlusion: int = 2) -> list[Box]:
    """KAIST's text: ``bbGt version=3`` of Dollar's toolbox.

    A line is a label, x, y, width, height, occlusion (0 none, 1 partial, 2
    heavy), the visible box, an ignore flag and an angle, which is 0.

    Args:
        path (str | Path): The file.
        max_occlusion (int): More occluded persons are ignored ones; 1 is
            what the field's 'reasonable' subset allows.

    Raises:
        ValueError: If it is no such file; names it.
    """
    lines = _lines(path)
    if not lines or 'bbGt' not in lines[0]:
        raise ValueError(f'{path}: expected "% bbGt version=3" in the first '
                         f'line, got {lines[:1]}')
    boxes = []
    for line in lines[1:]:
        words = line.split()
        if not words:
            continue
        if len(words) < _KAIST_FIELDS:
            raise ValueError(
                f'{path}: expected {_KAIST_FIELDS} or more fields, got '
                f'{line!r}')
        x, y, width, height, occlusion, *_ = _numbers(words[1:11], path, line)
        ignored = words[10] == '1' or occlusion > max_occlusion
        boxes.append(
            Box(words[0], (x, y, x + width, y + height), ignored,
                dict(occlusion=int(occlusion))))
    return boxes


def read_vedai(path) -> list[Box]:
    """VEDAI's text of one image, rotated boxes made horizontal.

    A line is the centre, the orientation, four x, four y of the corners,
    and class, contained and occluded flags; either the flags or the corners
    come first, as its releases differ.

    Raises:
        ValueError: If it is no such file; names it.
    """
    boxes = []
    for line in _lines(path):
        words = line.split()
        if not words:
            continue
        if len(words) != _VEDAI_COLUMNS:
            raise ValueError(f'{path}: expected {_VEDAI_COLUMNS} columns, got '
                             f'{len(words)} in {line!r}')
        values = _numbers(words, path, line)
        for corners, flags in ((values[3:11], values[11:]), (values[6:],
                                                             values[3:6])):
            x1, y1, x2, y2 = _around(
                list(zip(corners[:4], corners[4:], strict=True)))
            if (x1 <= values[0] <= x2 and y1 <= values[1] <= y2
                    and flags[0] == int(flags[0])
                    and set(flags[1:]) <= {0., 1.}):
                break
        else:
            raise ValueError(
                f'{path}: expected a centre inside of its corners, and '
                f'flags of 0 or 1, got {line!r}')
        number = int(flags[0])
        boxes.append(
            Box(VEDAI_NUMBERS.get(number, f'number {number}'),
                (x1, y1, x2, y2), extra=dict(contained=int(flags[1]),
                                             occluded=int(flags[2]))))
    return boxes
