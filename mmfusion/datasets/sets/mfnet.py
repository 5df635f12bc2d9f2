"""MFNet: RGB-thermal urban scenes (Ha et al., IROS 2017)."""
import os.path as osp

import mmengine.fileio as fileio

from mmfusion.registry import DATASETS
from mmfusion.utils.errors import check_choice

from ..paired_dataset import PairedImageDataset

MFNET_CLASSES = ('unlabeled', 'car', 'person', 'bike', 'curve', 'car_stop',
                 'guardrail', 'color_cone', 'bump')
MFNET_PALETTE = [[0, 0, 0], [64, 0, 128], [64, 64, 0], [0, 128, 192],
                 [0, 0, 192], [128, 128, 0], [64, 64, 128], [192, 128, 128],
                 [192, 64, 0]]


@DATASETS.register_module()
class MFNetDataset(PairedImageDataset):
    """MFNet, 1569 pairs of 480x640 (820 day, 749 night), nine classes.

    Two layouts are read, with split files of one stem per line in the
    root::

        split   <root>/{vis,ir,labels}/NAME.png
        raw     <root>/images/NAME.png (RGB + thermal), <root>/labels/

    Label 0 is a class of its own, 255 is ignored.

    Args:
        layout (str): ``'split'``, ``'raw'`` or ``'auto'``: raw where
            ``images`` exists and ``vis`` does not. Defaults to ``'auto'``.
        flip_copies (bool): Whether to use the stems ``*_flip`` of the split
            files, mirrored copies that must lie on disk. Leave it False and
            flip with probability 0.5 instead: the same distribution.
        kwargs: See :class:`PairedImageDataset`.
    """
    METAINFO = dict(classes=MFNET_CLASSES, palette=MFNET_PALETTE,
                    modalities=dict(vis=3, ir=1))
    PREFIX = dict(vis_path='vis', ir_path='ir', seg_map_path='labels')

    def __init__(self, data_root: str | None = None,
                 data_prefix: dict | None = None, layout: str = 'auto',
                 flip_copies: bool = False, **kwargs) -> None:
        check_choice(('auto', 'split', 'raw'), layout=layout)
        self.flip_copies = flip_copies
        prefix = dict(data_prefix or {})
        if layout == 'auto':
            layout = self._detect(data_root or '', prefix, kwargs)
        if layout == 'raw':
            prefix = {'vis_path': 'images', 'ir_path': 'images', **prefix}
        super().__init__(data_root=data_root, data_prefix=prefix, **kwargs)

    @staticmethod
    def _detect(data_root: str, prefix: dict, kwargs: dict) -> str:
        if 'vis_path' in prefix or 'ir_path' in prefix:
            return 'split'
        backend_args = kwargs.get('backend_args')

        def there(name: str) -> bool:
            return fileio.isdir(osp.join(data_root, name),
                                backend_args=backend_args)

        return 'raw' if there('images') and not there('vis') else 'split'

    def _split_stems(self) -> list[str]:
        stems = super()._split_stems()
        if self.flip_copies:
            return stems
        return [stem for stem in stems if not stem.endswith('_flip')]
