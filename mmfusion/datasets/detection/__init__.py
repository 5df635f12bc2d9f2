"""Detection sets of aligned pairs. Importing this imports mmdet."""
from mmfusion.utils import require_detection
from mmfusion.utils.loading_guard import guard_loading

require_detection()
from .mixed import MultiImageMixDataset
from .named import (DroneVehicleDataset, FLIRAlignedDataset, KAISTDataset,
                    LLVIPDetDataset, M3FDDetDataset, SyntheticDetDataset,
                    VEDAIDataset)
from .paired_coco import PairedCocoDataset

__all__ = [
    'DroneVehicleDataset', 'FLIRAlignedDataset', 'KAISTDataset',
    'LLVIPDetDataset', 'M3FDDetDataset', 'MultiImageMixDataset',
    'PairedCocoDataset', 'SyntheticDetDataset', 'VEDAIDataset'
]

guard_loading()
