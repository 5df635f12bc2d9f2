"""RoadScene: visible-infrared pairs of roads."""
from mmfusion.registry import DATASETS

from ..paired_dataset import PairedImageDataset


@DATASETS.register_module()
class RoadSceneDataset(PairedImageDataset):
    """RoadScene (Xu et al., FusionDN, AAAI 2020), 221 pairs of any size.

    ``data_root`` is the authors' repository::

        RoadScene/crop_LR_visible/NAME.jpg
        RoadScene/cropinfrared/NAME.jpg

    Args:
        kwargs: See :class:`PairedImageDataset`.
    """
    PREFIX = dict(vis_path='crop_LR_visible', ir_path='cropinfrared')
