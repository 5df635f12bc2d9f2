"""SICE: multi-exposure scenes."""
from mmfusion.registry import DATASETS
from mmfusion.tasks import TASKS

from ..paired_dataset import PairedImageDataset


@DATASETS.register_module()
class SICEDataset(PairedImageDataset):
    """SICE (Cai, Gu & Zhang, TIP 2018), 589 scenes of large images.

    The published archives hold a folder of three or more exposures for
    each scene; ``tools/dataset_converters/scene_folders.py
    --by-brightness`` takes the darkest and the brightest::

        SICE/{under,over}/NAME.jpg

    Args:
        kwargs: See :class:`PairedImageDataset`.
    """
    METAINFO = TASKS['mef'].meta
