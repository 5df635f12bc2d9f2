from .annotations import DeriveFusionMaps, LoadFusionAnnotations
from .fixed import FixedAugment
from .formatting import PackFusionInputs
from .geometric import RandomRotate90, ResizeToCover
from .loading import LoadFusionPair
from .modality import OnModality
from .text import LoadTextFeatures

__all__ = [
    'DeriveFusionMaps', 'FixedAugment', 'LoadFusionAnnotations',
    'PackFusionInputs', 'RandomRotate90', 'ResizeToCover', 'LoadFusionPair',
    'LoadTextFeatures',
    'OnModality'
]
