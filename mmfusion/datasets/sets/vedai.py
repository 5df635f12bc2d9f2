"""VEDAI: visible-infrared pairs of vehicles from the air, with boxes."""
from pathlib import Path

from mmfusion.fileio import image_files, read_text

from ..boxes import Box, BoxSet, Job
from ..boxes.box_set import listed_stems, one_of, pairs
from ..boxes.formats import box_around, numbers

_COLUMNS = 14
#: classes by their numbers in the files
_NUMBERS = {
    1: 'car',
    2: 'truck',
    4: 'tractor',
    5: 'camping_car',
    7: 'motorcycle',
    8: 'bus',
    9: 'van',
    10: 'other',
    11: 'pickup',
    23: 'boat',
    31: 'plane',
}


class VEDAIBoxes(BoxSet):
    """VEDAI (Razakarivony and Jurie, 2016): vehicles from the air.

    The infrared band is near infrared. Rotated boxes are reduced to
    horizontal ones::

        VEDAI/Vehicules512/00000000_{co,ir}.png
        VEDAI/Annotations512/00000000.txt
        VEDAI/annotations/{train,test}.json   (converted)
    """
    hint = ('Vehicules512/NAME_{co,ir}.png, Annotations512/NAME.txt, '
            'optional fold01.txt, fold01test.txt')
    classes = ('car', 'truck', 'pickup', 'tractor', 'camping_car', 'boat',
               'motorcycle', 'bus', 'van', 'other', 'plane')

    def find(self, root: Path) -> dict[str, list[Job]]:
        images = one_of(root, 'Vehicules512', 'Vehicules1024', 'images')
        notes = one_of(root, 'Annotations512', 'Annotations1024',
                       'annotations')
        files = dict(train='fold01.txt', test='fold01test.txt')
        splits = listed_stems(root, files) or dict(all=[
            path.stem.removesuffix('_co')
            for path in image_files(images) if path.stem.endswith('_co')
        ])
        return {
            split:
            pairs(root, images, images, notes, stems, ('_co', '_ir', '.txt'),
                  optional=True) for split, stems in splits.items()
        }

    def read(self, path: Path) -> list[Box]:
        """VEDAI's text of one image, rotated boxes made horizontal.

        A line is the centre, the orientation, four x, four y of the
        corners, and class, contained and occluded flags; either the flags
        or the corners come first, as its releases differ.

        Raises:
            ValueError: If it is no such file; names it.
        """
        boxes = []
        for line in read_text(path).splitlines():
            words = line.split()
            if not words:
                continue
            if len(words) != _COLUMNS:
                raise ValueError(f'{path}: expected {_COLUMNS} columns, got '
                                 f'{len(words)} in {line!r}')
            values = numbers(words, path, line)
            for corners, flags in ((values[3:11], values[11:]), (values[6:],
                                                                 values[3:6])):
                x1, y1, x2, y2 = box_around(
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
                Box(
                    _NUMBERS.get(number, f'number {number}'), (x1, y1, x2, y2),
                    extra=dict(contained=int(flags[1]),
                               occluded=int(flags[2]))))
        return boxes
