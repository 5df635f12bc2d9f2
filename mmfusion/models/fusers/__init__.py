from .base import BaseFuser
from .baselines import AverageFuser, SelectModality
from .checkpoint import load_fuser_weights, read_checkpoint
from .psfusion import PSFusion
from .transfuser6 import TransFuser6

__all__ = [
    'AverageFuser', 'BaseFuser', 'PSFusion', 'SelectModality', 'TransFuser6',
    'load_fuser_weights', 'read_checkpoint'
]
