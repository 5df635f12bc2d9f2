"""Sets that have a name: one file holds what is known of each."""
from ..boxes import BoxSet
from .dronevehicle import DroneVehicleBoxes
from .flir import FLIRBoxes
from .fmb import FMBDataset
from .harvard import HarvardMedicalDataset
from .kaist import KAISTBoxes
from .llvip import LLVIPBoxes, LLVIPFusionDataset
from .lytro import LytroDataset
from .m3fd import M3FDBoxes, M3FDFusionDataset
from .mefb import MEFBDataset
from .mfnet import MFNetDataset
from .msrs import MSRSDataset
from .realmff import RealMFFDataset
from .roadscene import RoadSceneDataset
from .sice import SICEDataset
from .tno import TNODataset
from .vedai import VEDAIBoxes

#: sets whose published boxes are converted; ``voc`` is anyone's
BOX_SETS: dict[str,
               type[BoxSet]] = dict(llvip=LLVIPBoxes, m3fd=M3FDBoxes,
                                    flir=FLIRBoxes, kaist=KAISTBoxes,
                                    vedai=VEDAIBoxes,
                                    dronevehicle=DroneVehicleBoxes, voc=BoxSet)

__all__ = [
    'FMBDataset', 'HarvardMedicalDataset', 'LLVIPFusionDataset',
    'LytroDataset', 'M3FDFusionDataset', 'MEFBDataset', 'MFNetDataset',
    'MSRSDataset', 'RealMFFDataset', 'RoadSceneDataset', 'SICEDataset',
    'TNODataset'
]
