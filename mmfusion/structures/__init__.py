from .boxes import BOX_SHAPES, box_tensor, boxes_to_mask
from .fuser_output import FuserOutput
from .fusion_data_sample import FusionDataSample

__all__ = [
    'BOX_SHAPES', 'FuserOutput', 'FusionDataSample', 'box_tensor',
    'boxes_to_mask'
]
