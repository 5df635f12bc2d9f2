import sys
from contextlib import redirect_stdout

# On import the forks' mmseg prints a note to stdout, where it would spoil
# what our tools print with --json.
with redirect_stdout(sys.stderr):
    import mmseg.datasets  # noqa: F401

from mmfusion.fileio import FileRule, natural_key  # noqa: E402

from . import transforms  # noqa: E402, F401
from .distill import FusionDistillDataset  # noqa: E402
from .fmb import FMBDataset  # noqa: E402
from .h5_dataset import FusionH5Dataset  # noqa: E402
from .infrared_visible import (  # noqa: E402
    LLVIPFusionDataset,
    M3FDFusionDataset,
    RoadSceneDataset,
    TNODataset,
)
from .medical import HarvardMedicalDataset  # noqa: E402
from .mfnet import MFNetDataset  # noqa: E402
from .msrs import MSRSDataset  # noqa: E402
from .multi_exposure import MEFBDataset, SICEDataset  # noqa: E402
from .multi_focus import LytroDataset, RealMFFDataset  # noqa: E402
from .paired_dataset import PairedImageDataset  # noqa: E402
from .patches import PatchFileDataset  # noqa: E402
from .samplers import (  # noqa: E402
    DeterministicEpochSampler,
    DeterministicSampler,
    DrawIndex,
    draw_seed,
)

__all__ = [
    'FileRule', 'natural_key', 'FMBDataset', 'FusionDistillDataset',
    'FusionH5Dataset', 'HarvardMedicalDataset', 'LLVIPFusionDataset',
    'LytroDataset', 'M3FDFusionDataset', 'MEFBDataset', 'MFNetDataset',
    'MSRSDataset', 'PairedImageDataset', 'PatchFileDataset',
    'RealMFFDataset', 'RoadSceneDataset', 'SICEDataset', 'TNODataset',
    'DeterministicEpochSampler', 'DeterministicSampler', 'DrawIndex',
    'draw_seed'
]
