from .base import BaseFuser
from .baselines import (AverageFuser, GuidedFilterFuser, LaplacianPyramidFuser,
                        MaximumFuser, SelectModality)
from .ddfm import DDFM
from .ddfm.adm_unet import ADMUNet
from .ddfm.denoisers import (CallableDenoiser, DiffusersUNetAdapter,
                             GaussianPriorDenoiser)
from .film import FILMFusion
from .mask_difuser import MaskDiFuser
from .mmdrfuse import MMDRFuseStudent, MMDRFuseTeacher
from .psfusion import PSFusion
from .realtime import RealtimeFusionNet
from .transfuser6 import TransFuser6
from .weighted_pyramid import WeightedPyramidFuser
from .zoo import *  # noqa: F401, F403
from .zoo import __all__ as _zoo

__all__ = [
    'ADMUNet', 'AverageFuser', 'BaseFuser', 'CallableDenoiser', 'DDFM',
    'DiffusersUNetAdapter', 'FILMFusion', 'GaussianPriorDenoiser',
    'GuidedFilterFuser', 'LaplacianPyramidFuser', 'MMDRFuseStudent',
    'MMDRFuseTeacher', 'MaskDiFuser', 'MaximumFuser', 'PSFusion',
    'RealtimeFusionNet', 'SelectModality', 'TransFuser6',
    'WeightedPyramidFuser', *_zoo
]
