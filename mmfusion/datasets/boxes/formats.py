"""Reading annotation files, one image a file."""
from collections.abc import Sequence
from xml.etree import ElementTree

from mmfusion.utils.errors import UsageError

from .coco import Box


def numbers(words: Sequence[str], path, line: str) -> list[float]:
    """Words of a line as numbers; errors name both."""
    try:
        return [float(word) for word in words]
    except ValueError:
        raise UsageError(
            f'{path}: expected numbers, got {line.strip()!r}') from None


def box_around(
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
        UsageError: If it is no such file; names it.
    """
    try:
        root = ElementTree.parse(path).getroot()
    except ElementTree.ParseError as error:
        raise UsageError(
            f'{path}: expected an XML file, got: {error}') from error
    boxes = []
    for item in root.iter('object'):
        name = (item.findtext('name') or '').strip()
        polygon, plain = item.find('polygon'), item.find('bndbox')
        if polygon is not None:
            keys = [f'{axis}{k}' for k in range(1, 5) for axis in 'xy']
            values = _texts(polygon, keys, path)
            corners = box_around(
                list(zip(values[::2], values[1::2], strict=True)))
        elif plain is not None:
            corners = tuple(
                _texts(plain, ('xmin', 'ymin', 'xmax', 'ymax'), path))
        elif item.find('point') is not None:  # DroneVehicle has a few
            x, y = _texts(item.find('point'), ('x', 'y'), path)
            corners = (x, y, x, y)
        else:
            raise UsageError(f'{path}: expected bndbox or polygon of the '
                             f'object {name!r}, got neither')
        difficult = (item.findtext('difficult') or '0').strip() == '1'
        boxes.append(Box(name, corners, difficult))
    return boxes


def _texts(node, keys: Sequence[str], path) -> list[float]:
    words = [node.findtext(key) for key in keys]
    if None in words:
        raise UsageError(f'{path}: expected {list(keys)} in {node.tag}, got '
                         f'{[child.tag for child in node]}')
    return numbers(words, path, ' '.join(words))
