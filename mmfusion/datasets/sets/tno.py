"""TNO: visible-infrared pairs of military scenes."""
from mmfusion.registry import DATASETS

from ..paired_dataset import PairedImageDataset


@DATASETS.register_module()
class TNODataset(PairedImageDataset):
    """TNO (Toet, Data in Brief 2017), grey pairs of any size.

    The published archive has a folder for each scene;
    ``tools/dataset_converters/scene_folders.py`` makes::

        TNO/{vis,ir}/NAME.bmp

    Args:
        kwargs: See :class:`PairedImageDataset`.
    """
