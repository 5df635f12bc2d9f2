from .base import BaseFusionModel
from .fuser_segmenter import FuserSegmenter
from .image_fuser import ImageFuser
from .task_norm import TaskNormalizer
from .tta import FuserSegTTAModel

__all__ = [
    'BaseFusionModel', 'FuserSegTTAModel', 'FuserSegmenter', 'ImageFuser',
    'TaskNormalizer'
]
