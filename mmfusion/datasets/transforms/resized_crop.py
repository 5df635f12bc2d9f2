"""Crops of random area, brought to one size."""
import math

import cv2
import numpy as np
from mmcv.transforms.utils import cache_randomness

from mmfusion.registry import TRANSFORMS

from .misalign import crop_matrix
from .shown import ShownTransform

#: most that OpenCV resizes by area or remaps at a time
_CHANNELS = 4


@TRANSFORMS.register_module()
class RandomResizedCrop(ShownTransform):
    """Crop a random share of the image and resize it, all modalities alike.

    Bilinear, or by area where the crop shrinks, for every channel of the
    stack; label maps nearest. ``teacher_feature``, a map of a fraction of
    the image's size, is cropped at the same place.

    Required keys: ``img``, maps in ``seg_fields``. Modified keys: the same,
    ``img_shape``, ``teacher_feature``, ``misalignment``; ``scale_factor``
    is removed, since crops have none.

    Args:
        size (int | tuple[int, int]): (height, width) of the result.
        scale (tuple[float, float]): Range of the share of the area.
        ratio (tuple[float, float]): Range of width over height.

    Raises:
        ValueError: If a range or side is not positive.
    """
    _TRIES = 10

    def __init__(
        self, size: int | tuple[int, int], scale: tuple[float,
                                                        float] = (0.8, 1.0),
        ratio: tuple[float, float] = (3 / 4, 4 / 3)
    ) -> None:
        self.size = (size, size) if isinstance(size, int) else tuple(size)
        if len(self.size) != 2 or min(self.size) < 1:
            raise ValueError(
                f'Expected size as (height, width) above 0, got {size!r}.')
        if not 0 < scale[0] <= scale[1] <= 1:
            raise ValueError(
                f'Expected scale as 0 < low <= high <= 1, got {scale}.')
        if not 0 < ratio[0] <= ratio[1]:
            raise ValueError(
                f'Expected ratio as 0 < low <= high, got {ratio}.')
        self.scale = tuple(scale)
        self.ratio = tuple(ratio)

    @cache_randomness
    def _draw(self, height: int, width: int) -> tuple[int, int, int, int]:
        """(top, left, height, width) of the crop."""
        for _ in range(self._TRIES):
            area = height * width * np.random.uniform(*self.scale)
            ratio = math.exp(np.random.uniform(*map(math.log, self.ratio)))
            h = round(math.sqrt(area / ratio))
            w = round(math.sqrt(area * ratio))
            if 0 < h <= height and 0 < w <= width:
                return (np.random.randint(height - h + 1),
                        np.random.randint(width - w + 1), h, w)
        # no such shape fits: the largest centred one that does
        ratio = min(max(width / height, self.ratio[0]), self.ratio[1])
        h = min(height, round(width / ratio))
        w = min(width, round(height * ratio))
        return (height - h) // 2, (width - w) // 2, h, w

    def transform(self, results: dict) -> dict:
        """Crop and resize."""
        height, width = results['img'].shape[:2]
        box = self._draw(height, width)
        smaller = box[2] * box[3] > self.size[0] * self.size[1]
        smooth = cv2.INTER_AREA if smaller else cv2.INTER_LINEAR
        results['img'] = _cut(results['img'], box, self.size, smooth)
        for key in results.get('seg_fields', []):
            results[key] = _cut(results[key], box, self.size,
                                cv2.INTER_NEAREST)
        feature = results.get('teacher_feature')
        if feature is not None:
            results['teacher_feature'] = _cut_feature(feature, box,
                                                      (height, width),
                                                      self.size)
        if 'misalignment' in results:
            results['misalignment'] = crop_matrix(results['misalignment'], box,
                                                  self.size)
        results['img_shape'] = results['img'].shape[:2]
        results.pop('scale_factor', None)
        return results


def _cut(image: np.ndarray, box: tuple[int, int, int, int],
         size: tuple[int, int], interpolation: int) -> np.ndarray:
    top, left, height, width = box
    part = np.ascontiguousarray(image[top:top + height, left:left + width])
    if part.ndim == 2 or part.shape[2] <= _CHANNELS:
        return cv2.resize(part, size[::-1], interpolation=interpolation)
    return cv2.merge([
        cv2.resize(np.ascontiguousarray(part[..., start:start + _CHANNELS]),
                   size[::-1], interpolation=interpolation)
        for start in range(0, part.shape[2], _CHANNELS)
    ])


def _cut_feature(feature: np.ndarray, box: tuple[int, int, int, int],
                 before: tuple[int, int], after: tuple[int,
                                                       int]) -> np.ndarray:
    """The crop of a map that has a fraction of the image's size."""
    rows = feature.shape[0] / before[0]
    columns = feature.shape[1] / before[1]
    top, left, height, width = box
    size = (max(1, round(after[0] * rows)), max(1, round(after[1] * columns)))
    # from a place in the result to one in the map, pixels have centres
    x_scale = width * columns / size[1]
    y_scale = height * rows / size[0]
    matrix = np.array([[x_scale, 0, left * columns + 0.5 * x_scale - 0.5],
                       [0, y_scale, top * rows + 0.5 * y_scale - 0.5]])
    grid_x, grid_y = (
        matrix[axis, axis] * np.arange(size[1 - axis], dtype=np.float32) +
        matrix[axis, 2] for axis in (0, 1))
    maps = np.meshgrid(grid_x.astype(np.float32), grid_y.astype(np.float32))
    parts = [
        cv2.remap(np.ascontiguousarray(feature[..., start:start + _CHANNELS]),
                  *maps, interpolation=cv2.INTER_LINEAR,
                  borderMode=cv2.BORDER_REPLICATE).reshape(*size, -1)
        for start in range(0, feature.shape[2], _CHANNELS)
    ]
    return np.concatenate(parts, 2)
