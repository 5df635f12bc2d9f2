from .boxes import BOX_SHAPES, box_tensor, boxes_to_mask
from .fuser_output import FuserOutput
from .fusion_data_sample import FusionDataSample
from .label_maps import (background_of, resolve_labels, to_classes,
                         to_file_labels)

__all__ = [
    'BOX_SHAPES', 'FuserOutput', 'FusionDataSample', 'background_of',
    'box_tensor', 'boxes_to_mask', 'resolve_labels', 'to_classes',
    'to_file_labels'
]
