from .base import BaseFuser
from .baselines import (
    AverageFuser,
    GuidedFilterFuser,
    LaplacianPyramidFuser,
    MaximumFuser,
    SelectModality,
)
from .checkpoint import load_fuser_weights, read_checkpoint
from .film import FILMFusion
from .mmdrfuse import MMDRFuseStudent, MMDRFuseTeacher
from .psfusion import PSFusion
from .transfuser6 import TransFuser6

__all__ = [
    'AverageFuser', 'BaseFuser', 'FILMFusion', 'GuidedFilterFuser',
    'LaplacianPyramidFuser', 'MMDRFuseStudent', 'MMDRFuseTeacher',
    'MaximumFuser', 'PSFusion', 'SelectModality', 'TransFuser6',
    'load_fuser_weights', 'read_checkpoint'
]
