"""M3FD: visible-infrared pairs of roads and campus."""
from pathlib import Path

from mmfusion.registry import DATASETS

from ..boxes import BoxSet, Job
from ..boxes.box_set import listed_stems, one_of, pairs
from ..paired_dataset import PairedImageDataset


@DATASETS.register_module()
class M3FDFusionDataset(PairedImageDataset):
    """M3FD (Liu et al., TarDAL, CVPR 2022), mostly 768x1024.

    ``data_root`` is one of its two archives, 300 pairs for fusion or 4200
    with boxes (``Annotation``, not read here)::

        M3FD_Fusion/{Vis,Ir}/NAME.png
        M3FD_Detection/{Vis,Ir}/NAME.png

    Args:
        kwargs: See :class:`PairedImageDataset`.
    """
    PREFIX = dict(vis_path='Vis', ir_path='Ir')


class M3FDBoxes(BoxSet):
    """M3FD (Liu et al., TarDAL, CVPR 2022): six classes on the road.

    4,200 pairs of 1024x768; there is no official split::

        M3FD_Detection/{Vis,Ir}/NAME.png
        M3FD_Detection/Annotation/NAME.xml
        M3FD_Detection/annotations/{train,val}.json   (converted)
    """
    hint = ('{Vis,Ir}/NAME.png, Annotation/NAME.xml, optional '
            'meta/{train,val}.txt')
    classes = ('People', 'Car', 'Bus', 'Lamp', 'Motorcycle', 'Truck')

    def find(self, root: Path) -> dict[str, list[Job]]:
        vis = one_of(root, 'Vis', 'vi', 'vis')
        ir = one_of(root, 'Ir', 'ir')
        notes = one_of(root, 'Annotation', 'annotation', 'labels')
        files = {split: f'meta/{split}.txt' for split in self.splits}
        splits = listed_stems(root, files) or dict(all=None)
        return {
            split: pairs(root, vis, ir, notes, stems)
            for split, stems in splits.items()
        }
