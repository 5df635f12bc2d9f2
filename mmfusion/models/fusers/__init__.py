from .base import BaseFuser
from .baselines import (
    AverageFuser,
    GuidedFilterFuser,
    LaplacianPyramidFuser,
    MaximumFuser,
    SelectModality,
)
from .checkpoint import load_fuser_weights, read_checkpoint
from .psfusion import PSFusion
from .transfuser6 import TransFuser6

__all__ = [
    'AverageFuser', 'BaseFuser', 'GuidedFilterFuser',
    'LaplacianPyramidFuser', 'MaximumFuser', 'PSFusion', 'SelectModality',
    'TransFuser6', 'load_fuser_weights', 'read_checkpoint'
]
