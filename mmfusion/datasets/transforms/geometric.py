"""Geometric transforms of the stacked image and all its label maps.

mmcv's own ``Resize`` and ``RandomFlip`` move ``gt_seg_map`` only; mmseg's
move everything in ``seg_fields``. Under mmfusion's scope the plain names
mean mmseg's, so that foreground and boundary maps never stay behind. None
of them moves mmdet's boxes, so they refuse samples that have some.
"""
import math
from typing import Tuple, Union

import cv2
import mmcv
import numpy as np
from mmcv.transforms import BaseTransform
from mmcv.transforms.utils import cache_randomness
from mmseg.datasets import transforms as mmseg_transforms

from mmfusion.registry import TRANSFORMS

from .misalign import crop_matrix, flip_matrix


def _refuse_boxes(transform: BaseTransform, results: dict) -> None:
    if results.get('gt_bboxes') is not None:
        raise ValueError(
            f'{type(transform).__name__} does not move boxes: expected a '
            'sample without gt_bboxes. For detection use one of mmdet\'s '
            'transforms, e.g. mmdet.Resize.')


class _WithoutBoxes:
    """Mixin of transforms that would leave boxes behind."""

    def transform(self, results: dict) -> dict:
        """Transform a sample without boxes."""
        _refuse_boxes(self, results)
        return super().transform(results)


@TRANSFORMS.register_module()
class Resize(_WithoutBoxes, mmseg_transforms.Resize):
    """mmseg's ``Resize``; keeps ``misalignment`` up to date, too."""

    def _resize_img(self, results: dict) -> None:
        before = results['img'].shape[:2]
        super()._resize_img(results)
        if 'misalignment' in results:
            results['misalignment'] = crop_matrix(
                results['misalignment'], (0, 0, *before),
                results['img'].shape[:2])


@TRANSFORMS.register_module()
class RandomFlip(_WithoutBoxes, mmseg_transforms.RandomFlip):
    """mmseg's ``RandomFlip``, which moves along what distillation needs.

    Beside image and maps these are ``teacher_feature`` (h, w, C) and
    ``misalignment`` (see :class:`RandomMisalign`). Arguments as in mmseg.
    """

    def _flip(self, results: dict) -> None:
        super()._flip(results)
        direction = results['flip_direction']
        feature = results.get('teacher_feature')
        if feature is not None:
            results['teacher_feature'] = mmcv.imflip(feature, direction)
        if 'misalignment' in results:
            results['misalignment'] = flip_matrix(
                results['misalignment'], results['img'].shape[:2], direction)


@TRANSFORMS.register_module()
class RandomRotate(_WithoutBoxes, mmseg_transforms.RandomRotate):
    """mmseg's ``RandomRotate``."""


@TRANSFORMS.register_module()
class RandomCutOut(_WithoutBoxes, mmseg_transforms.RandomCutOut):
    """mmseg's ``RandomCutOut``."""


@TRANSFORMS.register_module()
class RandomCrop(_WithoutBoxes, mmseg_transforms.RandomCrop):
    """mmseg's ``RandomCrop``: the same draws and crops, found sooner.

    On road scenes most crops hold too much background for
    ``cat_max_ratio`` and are drawn again, up to ten times. Counting one
    class settles most of them; mmseg sorts all pixels each time. A sample
    without labels is cropped wherever the first draw falls.

    Arguments as in mmseg: ``crop_size``, ``cat_max_ratio``,
    ``ignore_index``.
    """

    @cache_randomness
    def crop_bbox(self, results: dict) -> Tuple[int, int, int, int]:
        """Draw (top, bottom, left, right) of the crop."""
        height, width = results['img'].shape[:2]
        box = self._draw(height, width)
        label = results.get('gt_seg_map')
        if self.cat_max_ratio >= 1 or label is None:
            return box
        sparse = label[::8, ::8]
        common = np.bincount(sparse[sparse != self.ignore_index],
                             minlength=1).argmax()
        for _ in range(10):
            if self._is_mixed(self.crop(label, box), common):
                break
            box = self._draw(height, width)
        return box

    def _draw(self, height: int, width: int) -> Tuple[int, int, int, int]:
        top = np.random.randint(0, max(height - self.crop_size[0], 0) + 1)
        left = np.random.randint(0, max(width - self.crop_size[1], 0) + 1)
        return top, top + self.crop_size[0], left, left + self.crop_size[1]

    def _is_mixed(self, label: np.ndarray, common: int) -> bool:
        """Whether no class has ``cat_max_ratio`` of the labelled pixels."""
        total = label.size - np.count_nonzero(label == self.ignore_index)
        if np.count_nonzero(label == common) >= self.cat_max_ratio * total:
            return False
        counts = np.bincount(label[label != self.ignore_index])
        return (np.count_nonzero(counts) > 1
                and counts.max() / total < self.cat_max_ratio)


@TRANSFORMS.register_module()
class RandomRotate90(BaseTransform):
    """Rotate by a multiple of 90 degrees, all four equally likely.

    Required keys: ``img``, maps in ``seg_fields``. Modified keys: the same
    and ``img_shape``. Added key: ``quarter_turns`` (counter-clockwise).

    Put it after a square crop where speed matters: the distribution is the
    same as before the crop.

    Raises:
        ValueError: If the sample has boxes, which it would leave behind.
    """
    _CODES = (None, cv2.ROTATE_90_COUNTERCLOCKWISE, cv2.ROTATE_180,
              cv2.ROTATE_90_CLOCKWISE)

    @cache_randomness
    def _turns(self) -> int:
        return int(np.random.randint(4))

    def transform(self, results: dict) -> dict:
        """Rotate image and maps."""
        _refuse_boxes(self, results)
        turns = self._turns()
        results['quarter_turns'] = turns
        if turns:
            for key in ('img', *results.get('seg_fields', [])):
                results[key] = cv2.rotate(results[key], self._CODES[turns])
            results['img_shape'] = results['img'].shape[:2]
        return results

    def __repr__(self) -> str:
        return f'{type(self).__name__}()'


@TRANSFORMS.register_module()
class ResizeToCover(BaseTransform):
    """Enlarge images that are smaller than a crop until they cover it.

    The aspect ratio stays; larger images are left alone. Image bilinear,
    label maps nearest.

    Required keys: ``img``, maps in ``seg_fields``. Modified keys: the same
    and ``img_shape``; ``scale_factor`` is set where the image grew.

    Args:
        size (int | tuple[int, int]): (height, width) to cover.

    Raises:
        ValueError: If a side is not positive, or the sample has boxes.
    """

    def __init__(self, size: Union[int, Tuple[int, int]]) -> None:
        self.size = (size, size) if isinstance(size, int) else tuple(size)
        if len(self.size) != 2 or min(self.size) < 1:
            raise ValueError(
                f'Expected size as (height, width) above 0, got {size!r}.')

    def transform(self, results: dict) -> dict:
        """Enlarge image and maps where needed."""
        _refuse_boxes(self, results)
        height, width = results['img'].shape[:2]
        scale = max(self.size[0] / height, self.size[1] / width)
        if scale <= 1:
            return results
        # The tolerance keeps float error from adding a row or column.
        new = (math.ceil(width * scale - 1e-6),
               math.ceil(height * scale - 1e-6))
        results['img'] = cv2.resize(
            results['img'], new, interpolation=cv2.INTER_LINEAR)
        for key in results.get('seg_fields', []):
            results[key] = cv2.resize(
                results[key], new, interpolation=cv2.INTER_NEAREST)
        before = results.get('scale_factor', (1.0, 1.0))
        results['img_shape'] = results['img'].shape[:2]
        results['scale_factor'] = (before[0] * new[0] / width,
                                   before[1] * new[1] / height)
        return results

    def __repr__(self) -> str:
        return f'{type(self).__name__}(size={self.size})'
