"""LLVIP: visible-infrared pairs for low-light vision."""
from mmfusion.registry import DATASETS
from mmfusion.utils.errors import check_choice

from ..boxes import BoxSet
from ..paired_dataset import PairedImageDataset


@DATASETS.register_module()
class LLVIPFusionDataset(PairedImageDataset):
    """LLVIP (Jia et al., ICCV workshops 2021), 15488 pairs of 1024x1280.

    ``data_root`` is the whole set; its boxes (``Annotations``) are not
    read here::

        LLVIP/visible/{train,test}/NAME.jpg     12025 and 3463
        LLVIP/infrared/{train,test}/NAME.jpg

    Args:
        data_root (str, optional): The set's folder.
        data_prefix (dict, optional): Other folders than the split's.
        split (str): ``'train'`` or ``'test'``.
        kwargs: See :class:`PairedImageDataset`.

    Raises:
        ValueError: If there is no such split.
    """

    def __init__(self, data_root: str | None = None,
                 data_prefix: dict | None = None, split: str = 'train',
                 **kwargs) -> None:
        check_choice(('train', 'test'), split=split)
        prefix = dict(vis_path=f'visible/{split}', ir_path=f'infrared/{split}')
        super().__init__(data_root, {
            **prefix,
            **(data_prefix or {})
        }, **kwargs)


class LLVIPBoxes(BoxSet):
    """LLVIP (Jia et al., ICCV Workshops 2021): pedestrians at night.

    15,488 pairs of 1280x1024::

        LLVIP/{visible,infrared}/{train,test}/NAME.jpg
        LLVIP/Annotations/NAME.xml
        LLVIP/annotations/{train,test}.json   (converted)
    """
    hint = '{visible,infrared}/{train,test}/NAME.jpg, Annotations/NAME.xml'
    splits = ('train', 'test')
    folders = ('visible/{0}', 'infrared/{0}', 'Annotations')
    classes = ('person', )
