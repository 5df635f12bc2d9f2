"""Geometric transforms of the stacked image and all its label maps.

mmcv's own ``Resize`` and ``RandomFlip`` move ``gt_seg_map`` only; mmseg's
move everything in ``seg_fields``. Under mmfusion's scope the plain names
mean mmseg's, so that foreground and boundary maps never stay behind. None
of them moves mmdet's boxes, so they refuse samples that have some.
"""
import copy
import math
from numbers import Number

import cv2
import mmcv
import numpy as np
from mmcv import transforms as mmcv_transforms
from mmcv.transforms import BaseTransform
from mmcv.transforms.utils import cache_randomness
from mmseg.datasets import transforms as mmseg_transforms

from mmfusion.registry import TRANSFORMS

from .misalign import crop_matrix, flip_matrix
from .shown import ShownTransform


def _refuse_boxes(transform: BaseTransform, results: dict) -> None:
    if results.get('gt_bboxes') is not None:
        raise ValueError(
            f'{type(transform).__name__} does not move boxes: expected a '
            'sample without gt_bboxes. For detection use one of mmdet\'s '
            'transforms, e.g. mmdet.Resize.')


def _refuse_feature(transform: BaseTransform, results: dict) -> None:
    if results.get('teacher_feature') is not None:
        raise ValueError(
            f'{type(transform).__name__} does not move teacher_feature: '
            'expected a sample without. Crop with RandomResizedCrop and flip '
            'with RandomFlip, which move it along.')


class _WithoutBoxes:
    """Mixin of transforms that would leave boxes behind."""
    moves_feature = True

    def transform(self, results: dict) -> dict:
        """Transform a sample without what would stay behind."""
        _refuse_boxes(self, results)
        if not self.moves_feature:
            _refuse_feature(self, results)
        return super().transform(results)


class _WithoutBoxesAndFeature(_WithoutBoxes):
    """Mixin of transforms that would leave a teacher's feature, too."""
    moves_feature = False


@TRANSFORMS.register_module()
class Resize(_WithoutBoxes, mmseg_transforms.Resize):
    """mmseg's ``Resize``; keeps ``misalignment`` up to date, too."""

    def _resize_img(self, results: dict) -> None:
        before = results['img'].shape[:2]
        super()._resize_img(results)
        if 'misalignment' in results:
            results['misalignment'] = crop_matrix(results['misalignment'],
                                                  (0, 0, *before),
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
            results['misalignment'] = flip_matrix(results['misalignment'],
                                                  results['img'].shape[:2],
                                                  direction)
        if 'box_mask_flipped' in results:
            results['box_mask_flipped'] = True


@TRANSFORMS.register_module()
class RandomRotate(_WithoutBoxesAndFeature, mmseg_transforms.RandomRotate):
    """mmseg's ``RandomRotate``."""


@TRANSFORMS.register_module()
class RandomCutOut(_WithoutBoxesAndFeature, mmseg_transforms.RandomCutOut):
    """mmseg's ``RandomCutOut``."""


@TRANSFORMS.register_module()
class RandomCrop(_WithoutBoxesAndFeature, mmseg_transforms.RandomCrop):
    """mmseg's ``RandomCrop``: the same draws and crops, found sooner.

    On road scenes most crops hold too much background for
    ``cat_max_ratio`` and are drawn again, up to ten times. Counting one
    class settles most of them; mmseg sorts all pixels each time. A sample
    without labels is cropped wherever the first draw falls.

    Arguments as in mmseg: ``crop_size``, ``cat_max_ratio``,
    ``ignore_index``.
    """

    @cache_randomness
    def crop_bbox(self, results: dict) -> tuple[int, int, int, int]:
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

    def _draw(self, height: int, width: int) -> tuple[int, int, int, int]:
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
class Pad(mmcv_transforms.Pad):
    """mmdet's and mmcv's ``Pad`` of the stack, its maps and masks.

    Pixels are added at the right and the bottom, so that boxes stay.
    Arguments as in mmdet; ``pad_val`` of the image is one value, one for
    each channel of the stack, or three, of which modalities of one channel
    take the first.

    Raises:
        ValueError: If ``pad_val`` of the image has another length, or the
            sample has ``teacher_feature``.
    """

    def transform(self, results: dict) -> dict:
        """Pad image, maps in ``seg_fields`` and masks."""
        _refuse_feature(self, results)
        results = super().transform(results)
        if results.get('gt_masks') is not None:
            results['gt_masks'] = results['gt_masks'].pad(
                results['pad_shape'][:2], pad_val=self.pad_val.get('masks', 0))
        return results

    def _pad_img(self, results: dict) -> None:
        if 'modalities' not in results:
            super()._pad_img(results)
            return
        stack = results['img']
        fill = self.pad_val.get('img', 0)
        fill = (fill, ) * 3 if isinstance(fill, Number) else tuple(fill)
        if len(fill) not in (3, stack.shape[2]):
            raise ValueError(f'Pad: expected pad_val of the image as 1, 3 or '
                             f'{stack.shape[2]} values, got {fill}.')
        parts = []
        # One by one: OpenCV fills up to four channels only.
        for first, end in results['modalities'].values():
            start = first if len(fill) == stack.shape[2] else 0
            one = copy.copy(self)
            one.pad_val = dict(img=fill[start:start + end - first])
            part = dict(img=np.ascontiguousarray(stack[..., first:end]))
            mmcv_transforms.Pad._pad_img(one, part)
            parts.append(part.pop('img'))
        stack = np.dstack(parts)
        results.update(part, img=stack, pad_shape=stack.shape)

    def _pad_seg(self, results: dict) -> None:
        for key in {'gt_seg_map', *results.get('seg_fields', ())}:
            part = dict(gt_seg_map=results.get(key),
                        pad_shape=results['pad_shape'])
            super()._pad_seg(part)
            if part['gt_seg_map'] is not None:
                results[key] = part['gt_seg_map']


@TRANSFORMS.register_module()
class RandomRotate90(ShownTransform):
    """Rotate by a multiple of 90 degrees, all four equally likely.

    Required keys: ``img``, maps in ``seg_fields``. Modified keys: the same
    and ``img_shape``. Added key: ``quarter_turns`` (counter-clockwise).

    Put it after a square crop where speed matters: the distribution is the
    same as before the crop.

    Raises:
        ValueError: If the sample has boxes or ``teacher_feature``, which it
            would leave behind.
    """

    @cache_randomness
    def _turns(self) -> int:
        return int(np.random.randint(4))

    def transform(self, results: dict) -> dict:
        """Rotate image and maps."""
        _refuse_boxes(self, results)
        _refuse_feature(self, results)
        turns = self._turns()
        results['quarter_turns'] = turns
        if turns:
            for key in ('img', *results.get('seg_fields', [])):
                # OpenCV turns up to four channels only.
                results[key] = np.ascontiguousarray(
                    np.rot90(results[key], turns))
            results['img_shape'] = results['img'].shape[:2]
        return results


@TRANSFORMS.register_module()
class ResizeToCover(ShownTransform):
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

    def __init__(self, size: int | tuple[int, int]) -> None:
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
        results['img'] = cv2.resize(results['img'], new,
                                    interpolation=cv2.INTER_LINEAR)
        for key in results.get('seg_fields', []):
            results[key] = cv2.resize(results[key], new,
                                      interpolation=cv2.INTER_NEAREST)
        before = results.get('scale_factor', (1.0, 1.0))
        results['img_shape'] = results['img'].shape[:2]
        results['scale_factor'] = (before[0] * new[0] / width,
                                   before[1] * new[1] / height)
        return results
