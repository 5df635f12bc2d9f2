"""Checked boxes, and the COCO JSON that holds them."""
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import mmengine.fileio as fileio

from mmfusion.utils.errors import UsageError
from mmfusion.utils.files import parse_json


@dataclass(frozen=True)
class Box:
    """One object.

    Attributes:
        name (str): Its class.
        corners (tuple): x1, y1, x2, y2 in pixels, ends exclusive.
        ignored (bool): Whether it is neither to be found nor missed.
        extra (dict): Further entries of its annotation.
    """
    name: str
    corners: tuple[float, float, float, float]
    ignored: bool = False
    extra: dict = field(default_factory=dict)


@dataclass(frozen=True)
class ImageBoxes:
    """One pair and its objects.

    Attributes:
        vis, ir (str): File names from the root of the set.
        size (tuple[int, int]): (height, width).
        boxes (sequence[Box]): Objects.
        condition (str, optional): For instance ``'day'`` or ``'night'``.
    """
    vis: str
    ir: str
    size: tuple[int, int]
    boxes: Sequence[Box] = ()
    condition: str | None = None


def check_boxes(
    image: ImageBoxes, classes: Sequence[str],
    aliases: dict[str, str] | None = None, ignored: Sequence[str] = ()
) -> tuple[ImageBoxes, list[tuple[str, str]]]:
    """Drop boxes that cannot be learned, and clip those that stick out.

    Args:
        image (ImageBoxes): As read.
        classes (sequence[str]): Names that are kept.
        aliases (dict[str, str], optional): Other names of classes.
        ignored (sequence[str]): Names whose boxes are kept as ignored ones
            of the first class.

    Returns:
        tuple[ImageBoxes, list[tuple[str, str]]]: The image with what is
        left; kind (``'clipped'``, ``'outside'``, ``'empty'``,
        ``'unknown class'``) and description of each problem.
    """
    height, width = image.size
    kept: list[Box] = []
    problems: list[tuple[str, str]] = []
    for box in image.boxes:
        name = (aliases or {}).get(box.name, box.name)
        x1, y1, x2, y2 = box.corners
        told = f'{box.name} [{x1:g}, {y1:g}, {x2:g}, {y2:g}]'
        if name not in classes and name not in ignored:
            problems.append(('unknown class', told))
        elif not (x2 > x1 and y2 > y1):  # also where a number is NaN
            problems.append(('empty', told))
        elif x1 >= width or y1 >= height or x2 <= 0 or y2 <= 0:
            problems.append(('outside', f'{told} of {width}x{height}'))
        else:
            corners = (max(x1, 0.), max(y1, 0.), min(x2, float(width)),
                       min(y2, float(height)))
            if min(corners[2] - corners[0], corners[3] - corners[1]) < 1:
                problems.append(('empty', f'{told} of {width}x{height}'))
                continue
            if corners != box.corners:
                problems.append(('clipped', f'{told} of {width}x{height}'))
            kept.append(
                replace(box, name=classes[0] if name in ignored else name,
                        corners=corners, ignored=box.ignored
                        or name in ignored))
    return replace(image, boxes=tuple(kept)), problems


def to_coco(images: Sequence[ImageBoxes], classes: Sequence[str],
            description: str = '') -> dict:
    """The content of a COCO JSON.

    Images and annotations are numbered from 1 in the given order, classes
    from 1 in theirs. Ignored boxes are ``iscrowd``.

    Args:
        images (sequence[ImageBoxes]): Checked.
        classes (sequence[str]): All names.
        description (str): Goes into ``info``.

    Returns:
        dict: ``info``, ``categories``, ``images``, ``annotations``.
    """
    numbers = {name: number for number, name in enumerate(classes, 1)}
    listed, annotations = [], []
    for number, image in enumerate(images, 1):
        entry = dict(id=number, file_name=image.vis, ir_file_name=image.ir,
                     width=image.size[1], height=image.size[0])
        if image.condition is not None:
            entry['condition'] = image.condition
        listed.append(entry)
        for box in image.boxes:
            x1, y1, x2, y2 = box.corners
            size = [round(x2 - x1, 3), round(y2 - y1, 3)]
            annotations.append(
                dict(id=len(annotations) + 1, image_id=number,
                     category_id=numbers[box.name],
                     bbox=[round(x1, 3), round(y1, 3),
                           *size], area=round(size[0] * size[1], 3),
                     iscrowd=int(box.ignored), **box.extra))
    return dict(
        info=dict(description=description), categories=[
            dict(id=number, name=name) for name, number in numbers.items()
        ], images=listed, annotations=annotations)


def read_coco(path: str, backend_args: dict | None = None) -> dict:
    """Read a COCO JSON that others wrote.

    Args:
        path (str): The file, on any backend of mmengine.
        backend_args (dict, optional): File backend.

    Returns:
        dict: ``images``, ``annotations`` and ``categories``, with the
        entries that data sets need, of their types.

    Raises:
        FileNotFoundError: If there is no such file.
        UsageError: If it is no such JSON; names the record.
    """
    try:
        text = fileio.get(path, backend_args=backend_args)
    except FileNotFoundError as error:
        raise FileNotFoundError(
            f'Expected a COCO JSON at {path!r}, but there is none.') from error
    content = parse_json(text, path)
    if not isinstance(content, dict):
        raise UsageError(f'{path}: expected a mapping with images, '
                         'annotations and categories, got '
                         f'{type(content).__name__}.')
    for part, rules in _COCO_RULES.items():
        records = content.get(part)
        if not isinstance(records, list) or not (records
                                                 or part == 'annotations'):
            raise UsageError(f'{path}: expected a list of {part}, got '
                             f'{"an empty one" if records == [] else "none"}.')
        known = set()
        for index, record in enumerate(records):
            if not isinstance(record, dict):
                raise UsageError(f'{path}: expected a mapping as entry '
                                 f'{index} of {part}, got {_brief(record)}.')
            for key, (fits, told, needed) in rules.items():
                if (needed or key in record) and not fits(record.get(key)):
                    raise UsageError(
                        f'{path}: expected {key} as {told} in entry {index} '
                        f'of {part}, got {_brief(record.get(key))}.')
            if record['id'] in known:
                raise UsageError(f'{path}: expected different ids of {part}, '
                                 f'got {_brief(record["id"])} twice.')
            known.add(record['id'])
    _check_masks(content, path)
    return content


def _check_masks(content: dict, path: str) -> None:
    """Run lengths are decoded at the size that they state."""
    sizes = {
        image['id']: [image['height'], image['width']]
        for image in content['images']
    }
    for index, record in enumerate(content['annotations']):
        shape, size = record.get('segmentation'), sizes.get(record['image_id'])
        if isinstance(shape, dict) and size not in (None, shape['size']):
            raise UsageError(
                f'{path}: expected run lengths of the size {size} of their '
                f'image in entry {index} of annotations, got '
                f'{_brief(shape["size"])}.')


def _brief(value: Any) -> str:
    """What a record holds, short enough for a message."""
    text = ascii(value)
    return text if len(text) <= 60 else f'{text[:57]}...'


def _is_number(value: Any) -> bool:
    """Whether a coordinate is a number, finite and of a sane size."""
    return isinstance(value, (int, float)) and -1e9 < value < 1e9


def _is_name(value: Any) -> bool:
    """Whether a text can name a file."""
    try:
        return isinstance(value,
                          str) and b'\0' not in os.fsencode(value) and bool(
                              value.strip())
    except UnicodeEncodeError:
        return False


def _are_numbers(value: Any, kind: type = object) -> bool:
    return isinstance(value, list) and all(
        _is_number(item) and isinstance(item, kind) for item in value)


def _is_shape(value: Any) -> bool:
    """Whether a segmentation is of polygons, or run lengths."""
    if not isinstance(value, dict):
        return isinstance(value, list) and all(map(_are_numbers, value))
    counts, size = value.get('counts'), value.get('size')
    if isinstance(counts, str):
        counts = _run_lengths(counts)
    # what is not filled, pycocotools leaves to chance
    return (_are_numbers(counts, int) and _are_numbers(size, int)
            and len(size) == 2 and min(*counts, *size, 0) == 0
            and sum(counts) == size[0] * size[1])


def _run_lengths(text: str) -> list[int] | None:
    """Of COCO's compressed form: five bits a letter, the lowest first, each
    from the third on as the difference to the one before the last. None
    where a text is none of that form."""
    counts: list[int] = []
    value = shift = 0
    for letter in text:
        bits = ord(letter) - 48
        if not 0 <= bits < 64 or shift > 30:
            return None
        value |= (bits & 31) << shift
        shift += 5
        if bits & 32:
            continue
        if bits & 16:
            value -= 1 << shift
        counts.append(value + (counts[-2] if len(counts) > 2 else 0))
        value = shift = 0
    return None if shift else counts


_ID = (lambda value: isinstance(value, (int, str)), 'a number or text', True)
_SIDE = (lambda value: _is_number(value) and value > 0, 'a number of pixels',
         True)
#: part -> entry -> what it has to be, in words, whether it has to be there
_COCO_RULES: dict[str, dict[str, tuple[Callable, str, bool]]] = dict(
    categories=dict(id=_ID, name=(_is_name, 'text', True)),
    images=dict(id=_ID, file_name=(_is_name, 'the name of a file', True),
                ir_file_name=(_is_name, 'the name of a file', False),
                condition=(*_ID[:2], False), width=_SIDE, height=_SIDE),
    annotations=dict(
        id=_ID, image_id=_ID, category_id=_ID,
        bbox=(lambda value: _are_numbers(value) and len(value) == 4,
              'four numbers', True), area=(_is_number, 'a number', True),
        segmentation=(_is_shape,
                      'polygons, or run lengths that fill the image', False)))
