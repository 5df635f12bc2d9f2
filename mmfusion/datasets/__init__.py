from . import transforms  # noqa: F401
from .file_rules import FileRule, natural_key
from .fmb import FMBDataset
from .mfnet import MFNetDataset
from .msrs import MSRSDataset
from .paired_dataset import PairedImageDataset
from .samplers import (
    DeterministicEpochSampler,
    DeterministicSampler,
    DrawIndex,
    draw_seed,
)

__all__ = [
    'FileRule', 'natural_key', 'FMBDataset', 'MFNetDataset', 'MSRSDataset',
    'PairedImageDataset', 'DeterministicEpochSampler', 'DeterministicSampler',
    'DrawIndex', 'draw_seed'
]
