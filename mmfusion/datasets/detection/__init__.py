"""Detection sets of aligned pairs. Importing this imports mmdet."""
import sys
from contextlib import redirect_stdout

from mmfusion.utils import require_detection

require_detection()
# On import the forks' mmdet prints notes to stdout, where they would spoil
# what our tools print with --json.
with redirect_stdout(sys.stderr):
    import mmdet.datasets  # noqa: F401

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
