"""Unlabelled infrared-visible sets in the layouts of their authors."""

from mmfusion.registry import DATASETS

from ..paired_dataset import PairedImageDataset


@DATASETS.register_module()
class M3FDFusionDataset(PairedImageDataset):
    """M3FD (Liu et al., TarDAL, CVPR 2022), mostly 768x1024.

    ``data_root`` is one of its two archives, 300 pairs for fusion or 4200
    with boxes (``Annotation``, not read here)::

        M3FD_Fusion/{Vis,Ir}/NAME.png
        M3FD_Detection/{Vis,Ir}/NAME.png

    Args:
        kwargs: See :class:`PairedImageDataset`.
    """
    PREFIX = dict(vis_path='Vis', ir_path='Ir')


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


@DATASETS.register_module()
class TNODataset(PairedImageDataset):
    """TNO (Toet, Data in Brief 2017), grey pairs of any size.

    The published archive has a folder for each scene;
    ``tools/dataset_converters/scene_folders.py`` makes::

        TNO/{vis,ir}/NAME.bmp

    Args:
        kwargs: See :class:`PairedImageDataset`.
    """


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
        if split not in ('train', 'test'):
            raise ValueError(
                f"Expected split 'train' or 'test', got {split!r}.")
        prefix = dict(vis_path=f'visible/{split}', ir_path=f'infrared/{split}')
        super().__init__(data_root, {
            **prefix,
            **(data_prefix or {})
        }, **kwargs)
