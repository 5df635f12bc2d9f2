from .annotations import DeriveFusionMaps, LoadFusionAnnotations
from .formatting import PackFusionInputs
from .geometric import RandomRotate90, ResizeToCover
from .loading import LoadFusionPair
from .modality import OnModality
from .text import LoadTextFeatures

__all__ = [
    'DeriveFusionMaps', 'LoadFusionAnnotations', 'PackFusionInputs',
    'RandomRotate90', 'ResizeToCover', 'LoadFusionPair', 'LoadTextFeatures',
    'OnModality'
]
