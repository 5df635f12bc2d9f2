"""A modality out of register, as cheap camera pairs are."""

import cv2
import numpy as np
from mmcv.transforms.utils import cache_randomness

from mmfusion.registry import TRANSFORMS

from .shown import ShownTransform


@TRANSFORMS.register_module()
class RandomMisalign(ShownTransform):
    """Warp one modality alone by a small random transform.

    Translation is a share of the shorter side, so that it does not depend
    on the size of the source; rotation, scale and shear are about the
    centre. Bilinear, borders are reflected.

    Required keys: ``img``, ``modalities``. Modified key: ``img``. Added
    key: ``misalignment``, 3x3 float64, which takes the place (x, y, 1) of a
    pixel in the aligned modality to its place in the warped one (pixels of
    the current image; the identity where nothing was warped).
    :class:`RandomResizedCrop`, ``Resize`` and ``RandomFlip`` keep it up to
    date, other transforms do not.

    Args:
        prob (float): How often. Defaults to 0.5.
        translate (float): Largest shift along each axis as a share of the
            shorter side. Defaults to 20 / 512.
        rotate (float): Largest angle, degrees. Defaults to 5.
        scale (tuple[float, float]): Range of the scale.
        shear (float): Largest shear along the width, degrees. Defaults
            to 0.
        perspective (float): Largest shift of a corner as a share of the
            shorter side. Defaults to 0.
        modality (str): Which one. Defaults to ``'ir'``.

    Raises:
        ValueError: If an argument is out of range or the modality unknown.
    """

    def __init__(self, prob: float = 0.5, translate: float = 20 / 512,
                 rotate: float = 5., scale: tuple[float, float] = (0.95, 1.05),
                 shear: float = 0., perspective: float = 0.,
                 modality: str = 'ir') -> None:
        if not 0 <= prob <= 1:
            raise ValueError(f'Expected prob in [0, 1], got {prob}.')
        if min(translate, rotate, shear, perspective) < 0:
            raise ValueError(
                'Expected translate, rotate, shear and perspective of at '
                f'least 0, got {(translate, rotate, shear, perspective)}.')
        if not 0 < scale[0] <= scale[1]:
            raise ValueError(
                f'Expected scale as (low, high) above 0, got {scale}.')
        self.prob = prob
        self.translate = translate
        self.rotate = rotate
        self.scale = tuple(scale)
        self.shear = shear
        self.perspective = perspective
        self.modality = modality

    @cache_randomness
    def _draw(self, height: int, width: int) -> np.ndarray:
        """The matrix of one sample."""
        if np.random.rand() >= self.prob:
            return np.eye(3)
        side = min(height, width)
        angle = np.deg2rad(np.random.uniform(-self.rotate, self.rotate))
        scale = np.random.uniform(*self.scale)
        shear = np.tan(np.deg2rad(np.random.uniform(-self.shear, self.shear)))
        shift = np.random.uniform(-self.translate, self.translate, 2) * side
        centre = np.array([(width - 1) / 2, (height - 1) / 2])
        cos, sin = np.cos(angle), np.sin(angle)
        linear = scale * np.array([[cos, -sin], [sin, cos]]) @ np.array(
            [[1, shear], [0, 1]])
        matrix = np.eye(3)
        matrix[:2, :2] = linear
        matrix[:2, 2] = centre + shift - linear @ centre
        if self.perspective:
            corners = np.array([[0, 0], [width - 1, 0],
                                [width - 1, height - 1], [0, height - 1]],
                               np.float32)
            moved = corners + np.random.uniform(
                -self.perspective, self.perspective, (4, 2)) * side
            matrix = matrix @ cv2.getPerspectiveTransform(
                corners, moved.astype(np.float32))
        return matrix

    def transform(self, results: dict) -> dict:
        """Warp one modality."""
        if self.modality not in results['modalities']:
            raise ValueError(
                f'RandomMisalign: expected a modality of this dataset '
                f'({list(results["modalities"])}), got {self.modality!r}.')
        height, width = results['img'].shape[:2]
        matrix = self._draw(height, width)
        results['misalignment'] = matrix
        if np.array_equal(matrix, np.eye(3)):
            return results
        span = results['modalities'][self.modality]
        results['img'] = warp_channels(results['img'], span, matrix)
        return results


def warp_channels(stack: np.ndarray, span: tuple[int, int],
                  matrix: np.ndarray) -> np.ndarray:
    """Warp some channels; bilinear, borders are reflected.

    Args:
        stack (np.ndarray): (H, W, C).
        span (tuple[int, int]): The first channel and the one after the
            last.
        matrix (np.ndarray): 3x3, takes a place (x, y, 1) to its new one.

    Returns:
        np.ndarray: A copy (H, W, C).
    """
    stack = stack.copy()
    part = slice(*span)
    height, width = stack.shape[:2]
    stack[..., part] = cv2.warpPerspective(
        np.ascontiguousarray(stack[..., part]), matrix, (width, height),
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REFLECT_101).reshape(stack[..., part].shape)
    return stack


def crop_matrix(matrix: np.ndarray, box: tuple[int, int, int, int],
                size: tuple[int, int]) -> np.ndarray:
    """A misalignment as it is in a part of both images, resized.

    Args:
        matrix (np.ndarray): 3x3, see :class:`RandomMisalign`.
        box (tuple[int, int, int, int]): (top, left, height, width) of the
            part, pixels.
        size (tuple[int, int]): (height, width) it is resized to.
    """
    to_crop = np.eye(3)
    # centres of pixels: x' = (x - left + 0.5) * scale - 0.5
    for axis in (0, 1):
        start, scale = box[1 - axis], size[1 - axis] / box[3 - axis]
        to_crop[axis, axis] = scale
        to_crop[axis, 2] = (0.5 - start) * scale - 0.5
    return to_crop @ matrix @ np.linalg.inv(to_crop)


def flip_matrix(matrix: np.ndarray, size: tuple[int, int],
                direction: str) -> np.ndarray:
    """A misalignment as it is after both modalities were flipped.

    Args:
        matrix (np.ndarray): 3x3, see :class:`RandomMisalign`.
        size (tuple[int, int]): (height, width), pixels.
        direction (str): ``'horizontal'``, ``'vertical'`` or
            ``'diagonal'``.
    """
    mirror = np.eye(3)
    if direction in ('horizontal', 'diagonal'):
        mirror[0, 0], mirror[0, 2] = -1, size[1] - 1
    if direction in ('vertical', 'diagonal'):
        mirror[1, 1], mirror[1, 2] = -1, size[0] - 1
    return mirror @ matrix @ mirror
