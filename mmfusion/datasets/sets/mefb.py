"""MEFB: the benchmark of multi-exposure fusion."""
from mmfusion.registry import DATASETS
from mmfusion.tasks import TASKS

from ..paired_dataset import PairedImageDataset


@DATASETS.register_module()
class MEFBDataset(PairedImageDataset):
    """MEFB (Zhang, Information Fusion 2021), 100 pairs of any size.

    The authors' repository has ``input/SCENE/SCENE_A`` and ``SCENE_B``,
    not always the darker one first; ``tools/dataset_converters/
    scene_folders.py --by-brightness`` makes::

        MEFB/{under,over}/NAME.jpg

    Args:
        kwargs: See :class:`PairedImageDataset`.
    """
    METAINFO = TASKS['mef'].meta
