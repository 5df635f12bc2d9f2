"""Sets that have a name, a file each."""
from .fmb import FMBDataset
from .harvard import HarvardMedicalDataset
from .llvip import (LLVIPFusionDataset, M3FDFusionDataset, RoadSceneDataset,
                    TNODataset)
from .mfnet import MFNetDataset
from .msrs import MSRSDataset
from .realmff import LytroDataset, RealMFFDataset
from .sice import MEFBDataset, SICEDataset

__all__ = [
    'FMBDataset', 'HarvardMedicalDataset', 'LLVIPFusionDataset',
    'LytroDataset', 'M3FDFusionDataset', 'MEFBDataset', 'MFNetDataset',
    'MSRSDataset', 'RealMFFDataset', 'RoadSceneDataset', 'SICEDataset',
    'TNODataset'
]
