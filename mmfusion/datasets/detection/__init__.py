"""Detection sets of aligned pairs. Importing this imports mmdet."""
from mmfusion.utils import require_detection

require_detection()

from .named import (  # noqa: E402
    DroneVehicleDataset,
    FLIRAlignedDataset,
    KAISTDataset,
    LLVIPDetDataset,
    M3FDDetDataset,
    SyntheticDetDataset,
    VEDAIDataset,
)
from .paired_coco import PairedCocoDataset  # noqa: E402

__all__ = [
    'DroneVehicleDataset', 'FLIRAlignedDataset', 'KAISTDataset',
    'LLVIPDetDataset', 'M3FDDetDataset', 'PairedCocoDataset',
    'SyntheticDetDataset', 'VEDAIDataset'
]
