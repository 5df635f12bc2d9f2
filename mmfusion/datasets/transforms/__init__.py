from .annotations import DeriveFusionMaps, LoadFusionAnnotations
from .box_masks import DeriveBoxMask
from .fixed import FixedAugment
from .formatting import PackFusionInputs
from .geometric import Pad, RandomRotate90, ResizeToCover
from .loading import LoadFusionPair
from .misalign import RandomMisalign, flip_matrix
from .modality import OnModality
from .multi_image import CachedMixUp, CachedMosaic, CopyPaste, MixUp, Mosaic
from .resized_crop import RandomResizedCrop
from .sensor import ColorJitter, RandomBlur, RandomTone, SensorNoise
from .teacher_feature import LoadTeacherFeature
from .text import LoadTextFeatures
from .views import SimulateViews

__all__ = [
    'CachedMixUp', 'CachedMosaic', 'ColorJitter', 'CopyPaste', 'DeriveBoxMask',
    'DeriveFusionMaps', 'FixedAugment', 'LoadFusionAnnotations',
    'LoadFusionPair', 'LoadTeacherFeature', 'LoadTextFeatures', 'MixUp',
    'Mosaic', 'OnModality', 'PackFusionInputs', 'Pad', 'RandomBlur',
    'RandomMisalign', 'RandomResizedCrop', 'RandomRotate90', 'RandomTone',
    'ResizeToCover', 'SensorNoise', 'SimulateViews', 'flip_matrix'
]
