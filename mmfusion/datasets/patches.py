"""Patches of one size in one file."""
import os.path as osp
from functools import cached_property

import numpy as np
from mmengine.dataset import BaseDataset

from mmfusion.fileio import map_array, read_lines
from mmfusion.registry import DATASETS
from mmfusion.utils.loading_guard import guard_loading

from .samplers import SeededDraws

IMAGES = 'patches.npy'
STEMS = 'patches.txt'


@DATASETS.register_module()
class PatchFileDataset(SeededDraws, BaseDataset):
    """Pairs of ``tools/dataset_converters/make_patches.py --format file``.

    ``patches.npy`` holds uint8 (N, H, W, 3 + 1), BGR and infrared, or
    (N, H, W, 1 + 1) grey; it is memory-mapped, so that workers share it.
    ``patches.txt`` holds a stem per line. A sample has the arrays ``vis``
    and ``ir``, which ``LoadFusionPair`` stacks, ``stem`` and
    ``modalities``.

    Args:
        data_root (str): Folder of both files.
        kwargs: See :class:`mmengine.dataset.BaseDataset`.

    Raises:
        FileNotFoundError: If a file is missing.
        ValueError: If the files do not belong together.
    """
    METAINFO: dict = dict(modalities=dict(vis=3, ir=1))

    def load_data_list(self) -> list[dict]:
        """One stem a patch."""
        path = osp.join(self.data_root or '', STEMS)
        if not osp.isfile(path):
            raise FileNotFoundError(
                f'Expected {STEMS} and {IMAGES} in {self.data_root!r}, got '
                'none. Make them with tools/dataset_converters/'
                'make_patches.py --format file.')
        stems = read_lines(path)
        shape = self._images.shape
        if (len(shape) != 4 or shape[0] != len(stems) or shape[3] not in (2, 4)
                or self._images.dtype != np.uint8):
            raise ValueError(
                f'Expected {len(stems)} patches (H, W, 2 or 4) of uint8 in '
                f'{osp.join(self.data_root, IMAGES)!r}, got {shape} '
                f'{self._images.dtype}. Make both files anew.')
        return [dict(stem=stem) for stem in stems]

    @cached_property
    def _images(self) -> np.ndarray:
        return map_array(osp.join(self.data_root, IMAGES))

    def get_data_info(self, idx: int) -> dict:
        """Sample ``idx`` with its two arrays."""
        info = super().get_data_info(idx)
        patch = self._images[int(idx)]
        vis = patch[..., :-1]
        info.update(
            vis=np.ascontiguousarray(vis[...,
                                         0] if vis.shape[2] == 1 else vis),
            ir=np.ascontiguousarray(patch[..., -1]),
            modalities=dict(vis=(0, 3), ir=(3, 4)), seg_fields=[])
        return info


guard_loading()
