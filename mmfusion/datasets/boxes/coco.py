"""Checked boxes, and the COCO JSON that holds them."""
from collections.abc import Sequence
from dataclasses import dataclass, field, replace


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
