"""KAIST: visible-infrared pairs of pedestrians, with boxes."""
from pathlib import Path

from mmfusion.fileio import data_paths, read_lines, read_text
from mmfusion.fileio.paths import name_below

from ..boxes import Box, BoxSet, Job
from ..boxes.box_set import image_name, one_of
from ..boxes.formats import numbers

_FIELDS = 11  # label, box, occlusion, visible box, ignored
#: sets that were taken at night; the others are of the day
_NIGHT = ('set03', 'set04', 'set05', 'set09', 'set10', 'set11')


class KAISTBoxes(BoxSet):
    """KAIST multispectral pedestrians (Hwang et al., CVPR 2015), 640x512.

    Each image has ``condition`` day or night, by its set::

        kaist/images/set00/V000/{visible,lwir}/I00000.jpg
        kaist/annotations/set00/V000/I00000.txt
        kaist/imageSets/NAME.txt
        kaist/annotations/NAME.json   (converted)
    """
    hint = ('images/set00/V000/{visible,lwir}/NAME.jpg, '
            'annotations/set00/V000/NAME.txt, imageSets/*.txt')
    classes = ('person', )
    ignored = ('people', 'person?', 'cyclist')

    def find(self, root: Path) -> dict[str, list[Job]]:
        images, notes = one_of(root, 'images'), one_of(root, 'annotations')
        return {
            path.stem: [
                self._job(root, images, notes, path, line)
                for line in read_lines(path)
            ] for path in data_paths(one_of(root, 'imageSets'), '*.txt')
        }

    @staticmethod
    def _job(root: Path, images: Path, notes: Path, path: Path,
             line: str) -> Job:
        parts = name_below('', line, str(path)).split('/')[-3:]
        if len(parts) < 3:
            raise ValueError(f'{path}: expected set00/V000/I00000 in every '
                             f'line, got {line!r}')
        part, video, stem = parts
        # The sanitized annotations are flat, the original ones nested.
        note = notes / f'{part}_{video}_{stem}.txt'
        if not note.is_file():
            note = notes / part / video / f'{stem}.txt'
        vis, ir = (image_name(root, images / part / video / folder, stem)
                   for folder in ('visible', 'lwir'))
        return Job(vis, ir,
                   note.relative_to(root).as_posix(),
                   'night' if part in _NIGHT else 'day')

    def read(self, path: Path) -> list[Box]:
        """KAIST's text: ``bbGt version=3`` of Dollar's toolbox.

        A line is a label, x, y, width, height, occlusion (0 none, 1 partial, 2
        heavy), the visible box, an ignore flag and an angle, which is 0.

        Raises:
            ValueError: If it is no such file; names it.
        """
        lines = read_text(path).splitlines()
        if not lines or 'bbGt' not in lines[0]:
            raise ValueError(
                f'{path}: expected "% bbGt version=3" in the first '
                f'line, got {lines[:1]}')
        boxes = []
        for line in lines[1:]:
            words = line.split()
            if not words:
                continue
            if len(words) < _FIELDS:
                raise ValueError(
                    f'{path}: expected {_FIELDS} or more fields, got {line!r}')
            x, y, width, height, occlusion, *_ = numbers(
                words[1:11], path, line)
            ignored = words[10] == '1' or occlusion > self.max_occlusion
            boxes.append(
                Box(words[0], (x, y, x + width, y + height), ignored,
                    dict(occlusion=int(occlusion))))
        return boxes
