from .annotations import DeriveFusionMaps, LoadFusionAnnotations
from .fixed import FixedAugment
from .formatting import PackFusionInputs
from .geometric import RandomRotate90, ResizeToCover
from .loading import LoadFusionPair
from .misalign import RandomMisalign, flip_matrix
from .modality import OnModality
from .resized_crop import RandomResizedCrop
from .sensor import ColorJitter, RandomBlur, SensorNoise
from .teacher_feature import LoadTeacherFeature
from .text import LoadTextFeatures

__all__ = [
    'ColorJitter', 'DeriveFusionMaps', 'FixedAugment',
    'LoadFusionAnnotations', 'LoadFusionPair', 'LoadTeacherFeature',
    'LoadTextFeatures', 'OnModality', 'PackFusionInputs', 'RandomBlur',
    'RandomMisalign', 'RandomResizedCrop', 'RandomRotate90',
    'ResizeToCover', 'SensorNoise', 'flip_matrix'
]
