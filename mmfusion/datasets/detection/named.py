"""Detection sets that have a name; facts of each in ``datasets/sets``.

``tools/dataset_converters/boxes_to_coco.py`` writes the JSON of each into
``<root>/annotations``, with file names from the root.
"""
from mmfusion.registry import DATASETS

from .. import sets
from ..boxes import BoxSet
from ..sets.synthetic import SyntheticBoxes
from .paired_coco import PairedCocoDataset


def _named(name: str, boxes: type[BoxSet]) -> type[PairedCocoDataset]:
    meta = dict(classes=boxes.classes, modalities=dict(vis=3, ir=1))
    kind = type(
        name, (PairedCocoDataset, ),
        dict(METAINFO=meta, PREFIX=dict(vis_path='', ir_path=''),
             __doc__=boxes.__doc__, __module__=__name__))
    return DATASETS.register_module(module=kind)


LLVIPDetDataset = _named('LLVIPDetDataset', sets.LLVIPBoxes)
M3FDDetDataset = _named('M3FDDetDataset', sets.M3FDBoxes)
FLIRAlignedDataset = _named('FLIRAlignedDataset', sets.FLIRBoxes)
KAISTDataset = _named('KAISTDataset', sets.KAISTBoxes)
VEDAIDataset = _named('VEDAIDataset', sets.VEDAIBoxes)
DroneVehicleDataset = _named('DroneVehicleDataset', sets.DroneVehicleBoxes)
SyntheticDetDataset = _named('SyntheticDetDataset', SyntheticBoxes)
