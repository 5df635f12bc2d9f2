import sys
from contextlib import redirect_stdout

# On import the forks' mmseg prints a note to stdout, where it would spoil
# what our tools print with --json.
with redirect_stdout(sys.stderr):
    import mmseg.datasets  # noqa: F401

from mmfusion.fileio import FileRule, natural_key
from mmfusion.utils.loading_guard import guard_loading

from . import transforms  # noqa: F401
from .distill import FusionDistillDataset
from .h5_dataset import FusionH5Dataset
from .paired_dataset import PairedImageDataset
from .patches import PatchFileDataset
from .samplers import (DeterministicEpochSampler, DeterministicSampler,
                       DrawIndex, draw_seed)
from .sets import *  # noqa: F403
from .sets import __all__ as _sets

__all__ = [
    'FileRule', 'natural_key', 'FusionDistillDataset', 'FusionH5Dataset',
    'PairedImageDataset', 'PatchFileDataset', 'DeterministicEpochSampler',
    'DeterministicSampler', 'DrawIndex', 'draw_seed', *_sets
]

guard_loading()
