from .annotations import DeriveFusionMaps, LoadFusionAnnotations
from .box_masks import DeriveBoxMask
from .fixed import FixedAugment
from .formatting import PackFusionInputs
from .geometric import RandomRotate90, ResizeToCover
from .loading import LoadFusionPair
from .modality import OnModality
from .multi_image import CachedMixUp, CachedMosaic, MixUp, Mosaic

__all__ = [
    'CachedMixUp', 'CachedMosaic', 'DeriveBoxMask', 'DeriveFusionMaps',
    'FixedAugment', 'LoadFusionAnnotations', 'LoadFusionPair', 'MixUp',
    'Mosaic', 'OnModality', 'PackFusionInputs', 'RandomRotate90',
    'ResizeToCover'
]
