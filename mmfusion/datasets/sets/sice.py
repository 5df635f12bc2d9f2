"""Multi-exposure pairs: an under- and an over-exposed colour image."""
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
