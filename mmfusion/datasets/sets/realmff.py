"""Real-MFF: multi-focus pairs."""
from mmfusion.registry import DATASETS
from mmfusion.tasks import TASKS

from ..paired_dataset import PairedImageDataset


@DATASETS.register_module()
class RealMFFDataset(PairedImageDataset):
    """Real-MFF (Zhang et al., Pattern Recognition Letters 2020), 710 pairs.

    The layout below was not checked against the archive; set
    ``data_prefix``, ``near_stem`` and ``far_stem`` where it differs. The
    all-in-focus images (``Fusion``) are not read::

        RealMFF/imageA/NAME_A.png
        RealMFF/imageB/NAME_B.png

    Args:
        kwargs: See :class:`PairedImageDataset`.
    """
    METAINFO = TASKS['mff'].meta
    PREFIX = dict(near_path='imageA', far_path='imageB')
    STEMS = dict(near='{stem}_A', far='{stem}_B')
