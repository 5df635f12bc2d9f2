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
from .mfnet import MFNetDataset  # noqa: E402
from .msrs import MSRSDataset  # noqa: E402
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
    'MFNetDataset', 'MSRSDataset',
    'PairedImageDataset', 'PatchFileDataset', 'DeterministicEpochSampler',
    'DeterministicSampler', 'DrawIndex', 'draw_seed'
]
