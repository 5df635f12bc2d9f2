import sys
from contextlib import redirect_stdout

# On import the forks' mmseg prints a note to stdout, where it would spoil
# what our tools print with --json.
with redirect_stdout(sys.stderr):
    import mmseg.datasets  # noqa: F401

from mmfusion.fileio import FileRule, natural_key

from . import transforms  # noqa: F401
from .distill import FusionDistillDataset
from .fmb import FMBDataset
from .h5_dataset import FusionH5Dataset
from .infrared_visible import (LLVIPFusionDataset, M3FDFusionDataset,
                               RoadSceneDataset, TNODataset)
from .medical import HarvardMedicalDataset
from .mfnet import MFNetDataset
from .msrs import MSRSDataset
from .multi_exposure import MEFBDataset, SICEDataset
from .multi_focus import LytroDataset, RealMFFDataset
from .paired_dataset import PairedImageDataset
from .patches import PatchFileDataset
from .samplers import (DeterministicEpochSampler, DeterministicSampler,
                       DrawIndex, draw_seed)

__all__ = [
    'FileRule', 'natural_key', 'FMBDataset', 'FusionDistillDataset',
    'FusionH5Dataset', 'HarvardMedicalDataset', 'LLVIPFusionDataset',
    'LytroDataset', 'M3FDFusionDataset', 'MEFBDataset', 'MFNetDataset',
    'MSRSDataset', 'PairedImageDataset', 'PatchFileDataset', 'RealMFFDataset',
    'RoadSceneDataset', 'SICEDataset', 'TNODataset',
    'DeterministicEpochSampler', 'DeterministicSampler', 'DrawIndex',
    'draw_seed'
]
