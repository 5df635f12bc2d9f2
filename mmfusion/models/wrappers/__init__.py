from .base import BaseFusionModel, inference_config
from .fuser_distiller import FuserDistiller
from .fuser_segmenter import FuserSegmenter
from .image_fuser import ImageFuser
from .task_norm import TaskNormalizer
from .tta import FuserSegTTAModel

__all__ = [
    'BaseFusionModel', 'FuserDistiller', 'FuserSegTTAModel',
    'FuserSegmenter', 'ImageFuser', 'TaskNormalizer',
    'inference_config'
]
