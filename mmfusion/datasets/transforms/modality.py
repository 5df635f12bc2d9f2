"""Apply transforms to one modality of the stack."""

from collections.abc import Callable

import cv2
import numpy as np
from mmcv.transforms import Compose

from mmfusion.registry import TRANSFORMS

from .shown import ShownTransform


@TRANSFORMS.register_module()
class OnModality(ShownTransform):
    """Apply image transforms to the channels of one modality.

    The transforms see a sample whose ``img`` is the modality alone, as
    three channels: a grey modality is repeated, and reduced again by
    BT.601 afterwards (exact while the channels stay equal). Only ``img``
    is taken back, so a geometric transform, which would tear the
    modalities apart, is an error.

    Required keys: ``img``, ``modalities``. Modified key: ``img``.

    Args:
        modality (str): Name of the modality.
        transforms (list[dict | callable]): mmcv, mmseg or own transforms.
        as_uint8 (bool): Whether a float stack (of 16-bit images) is rounded
            to uint8 for the transforms, as OpenCV's colour conversions in
            mmseg's transforms expect. Defaults to True.

    Raises:
        ValueError: If the modality is unknown or its size changed.
    """

    def __init__(self, modality: str, transforms: list[dict | Callable],
                 as_uint8: bool = True) -> None:
        self.modality = modality
        self.as_uint8 = as_uint8
        self.transforms = Compose([
            TRANSFORMS.build(item) if isinstance(item, dict) else item
            for item in transforms
        ])

    def transform(self, results: dict) -> dict:
        """Transform one modality."""
        if self.modality not in results['modalities']:
            raise ValueError(
                f'OnModality: expected a modality of this dataset '
                f'({list(results["modalities"])}), got {self.modality!r}.')
        stack = results['img'].copy()
        first, end = results['modalities'][self.modality]
        part = stack[..., first:end]
        if self.as_uint8:
            part = _cast(part, np.dtype(np.uint8))
        grey = end - first == 1
        part = (cv2.cvtColor(np.ascontiguousarray(part), cv2.COLOR_GRAY2BGR)
                if grey else np.ascontiguousarray(part))
        out = self.transforms({**results, 'img': part})['img']
        if out.shape[:2] != stack.shape[:2]:
            raise ValueError(
                f'OnModality: expected transforms that keep the size '
                f'{stack.shape[:2]}, got {out.shape[:2]} for '
                f'{self.modality!r}. Geometric transforms belong into the '
                'pipeline itself, where they move all modalities.')
        if out.dtype == np.float64:  # OpenCV converts float32 only
            out = out.astype(np.float32)
        if grey and out.ndim == 3 and out.shape[2] == 3:
            out = cv2.cvtColor(out, cv2.COLOR_BGR2GRAY)
        stack[..., first:end] = _cast(out.reshape(*out.shape[:2], -1),
                                      stack.dtype)
        results['img'] = stack
        return results


def _cast(image: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """Change the dtype; to integers by rounding and clipping."""
    if image.dtype == dtype:
        return image
    if dtype.kind == 'u' and image.dtype.kind == 'f':
        image = np.clip(np.rint(image), 0, np.iinfo(dtype).max)
    return image.astype(dtype)
