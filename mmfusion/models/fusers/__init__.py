from .base import BaseFuser
from .checkpoint import load_fuser_weights, read_checkpoint
from .transfuser6 import TransFuser6

__all__ = [
    'BaseFuser', 'TransFuser6', 'load_fuser_weights', 'read_checkpoint'
]
