"""Lytro: multi-focus pairs of a light-field camera."""
from mmfusion.registry import DATASETS
from mmfusion.tasks import TASKS

from ..paired_dataset import PairedImageDataset


@DATASETS.register_module()
class LytroDataset(PairedImageDataset):
    """Lytro (Nejati et al., Information Fusion 2015), 20 pairs of 520x520.

    ``data_root`` is the authors' folder, both images side by side::

        LytroDataset/{lytro-01-A,lytro-01-B}.jpg

    Args:
        kwargs: See :class:`PairedImageDataset`.
    """
    METAINFO = TASKS['mff'].meta
    PREFIX = dict(near_path='.', far_path='.')
    STEMS = dict(near='{stem}-A', far='{stem}-B')
