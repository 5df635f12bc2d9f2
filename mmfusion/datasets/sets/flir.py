"""FLIR-aligned: visible-infrared pairs of traffic, with boxes."""
from pathlib import Path

from ..boxes import BoxSet, Job
from ..boxes.box_set import listed_stems, one_of, pairs


class FLIRBoxes(BoxSet):
    """FLIR-aligned (Zhang et al., ICIP 2020): persons, cars, bicycles.

    5,142 pairs of 640x512, cut out of Teledyne FLIR's set::

        align/JPEGImages/FLIR_00002_{RGB.jpg,PreviewData.jpeg}
        align/Annotations/FLIR_00002_PreviewData.xml
        align/align_{train,validation}.txt
        align/annotations/{train,validation}.json   (converted)
    """
    hint = ('JPEGImages/NAME_{RGB,PreviewData}.jpg, '
            'Annotations/NAME_PreviewData.xml, align_{train,validation}.txt')
    splits = ('train', 'validation')
    classes = ('person', 'car', 'bicycle')
    ignored = ('dog', )

    def find(self, root: Path) -> dict[str, list[Job]]:
        images = one_of(root, 'JPEGImages')
        notes = one_of(root, 'Annotations')
        files = {split: f'align_{split}.txt' for split in self.splits}
        return {
            split:
            pairs(root, images, images, notes,
                  [stem.removesuffix('_PreviewData') for stem in stems],
                  ('_RGB', '_PreviewData', '_PreviewData.xml'))
            for split, stems in listed_stems(root, files).items()
        }
