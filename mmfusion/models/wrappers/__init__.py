from .adversarial import (AdversarialFuser, AdversarialFuserDetector,
                          AdversarialTraining)
from .base import BaseFusionModel, inference_config
from .fuser_detector import FuserDetector
from .fuser_distiller import FuserDistiller
from .fuser_segmenter import FuserSegmenter
from .gifnet_trainer import GIFNetTrainer
from .image_fuser import ImageFuser
from .joint_model import JointFusionModel
from .task_norm import TaskNormalizer
from .task_padding import TaskPadding
from .tta import FuserDetTTAModel, FuserSegTTAModel

__all__ = [
    'AdversarialFuser', 'AdversarialFuserDetector', 'AdversarialTraining',
    'BaseFusionModel', 'FuserDetTTAModel', 'FuserDetector', 'FuserDistiller',
    'FuserSegTTAModel', 'FuserSegmenter', 'GIFNetTrainer', 'ImageFuser',
    'JointFusionModel', 'TaskNormalizer', 'TaskPadding', 'inference_config'
]
