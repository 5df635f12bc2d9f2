"""From arrays as users have them to images that metrics take."""
from collections.abc import Sequence
from typing import Any

import numpy as np

from .image import Image
from .ops_numpy import NUMPY

#: ITU-R BT.601, full range
LUMA_WEIGHTS = (0.299, 0.587, 0.114)


def to_gray(image):
    """Luma of BT.601 in full range, rounded to integers, halves to even.

    Args:
        image (np.ndarray | Tensor): (H, W, 3) RGB array or (B, 3, H, W)
            tensor of levels 0 to 255.

    Returns:
        np.ndarray | Tensor: (H, W) or (B, H, W) of the same type of floats
        (float64 for integers).

    Examples:
        >>> to_gray(np.uint8([[[255, 0, 0], [90, 90, 90]]]))
        array([[76., 90.]])
    """
    if isinstance(image, np.ndarray):
        red, green, blue = (image[..., i].astype(np.float64) for i in range(3))
    else:
        red, green, blue = image.unbind(1)
    weights = LUMA_WEIGHTS
    luma = weights[0] * red + weights[1] * green + weights[2] * blue
    return luma.round()


def check_match(fused, sources: Sequence) -> None:
    """Check that images belong together.

    Args:
        fused (np.ndarray | Tensor): As :func:`as_levels` gives it.
        sources (sequence): One or more of the same kind.

    Raises:
        TypeError: For arrays and tensors together.
        ValueError: For sizes that differ, or no source.
    """
    if not sources:
        raise ValueError('Expected one source or more, got none. Pass e.g. '
                         '(ir, vis).')
    images = [fused, *sources]
    if len({isinstance(image, np.ndarray) for image in images}) > 1:
        raise TypeError(
            'Expected NumPy arrays alone or torch tensors alone, got '
            f'{", ".join(type(image).__name__ for image in images)}.')
    names = ['fused image'] + [f'source {i}' for i in range(len(sources))]
    sizes = [_size(image) for image in images]
    if len(set(sizes)) > 1:
        raise ValueError(
            'Expected images of one size, got ' +
            ', '.join(f'{name} {"x".join(map(str, size))}'
                      for name, size in zip(names, sizes, strict=True)) +
            ' (height x width). Resize the sources, or fuse at their size.')


def _is_tensor(image: Any) -> bool:
    return hasattr(image, 'device') and hasattr(image, 'unbind')


def _is_eight_bit(image: Any) -> bool:
    return str(image.dtype) in ('uint8', 'torch.uint8')


def _size(image) -> tuple:
    if isinstance(image, np.ndarray):
        return image.shape[:2]
    return (image.shape[0], *image.shape[-2:])


def as_levels(image, name: str, data_range: float | None = None):
    """Check an image and bring it to levels 0 to 255.

    Args:
        image (np.ndarray | Tensor): (H, W) or (H, W, 3) RGB array, or
            (B, H, W), (B, 1, H, W) or (B, 3, H, W) tensor.
        name (str): What errors call it.
        data_range (float, optional): Largest possible value of float or
            16-bit images: 1, 255 or 65535. 8-bit images need none.

    Returns:
        np.ndarray | Tensor: uint8 as it is, else floats, 0 to 255:
        (H, W) or (H, W, 3), or (B, C, H, W).

    Raises:
        TypeError: For other types.
        ValueError: For other shapes, values that are NaN, infinite or
            outside of the range, or floats without a range.
    """
    if not isinstance(image, np.ndarray) and not _is_tensor(image):
        raise TypeError(
            f'Expected a NumPy array or a torch tensor for the {name}, got '
            f'{type(image).__name__}.')
    if isinstance(image, np.ndarray):
        if image.ndim == 3 and image.shape[2] == 1:
            image = image[..., 0]
        shape_good = image.ndim == 2 or (image.ndim == 3
                                         and image.shape[2] == 3)
        expected = '(H, W) or (H, W, 3)'
        known = image.dtype.kind in 'f' or image.dtype in (np.uint8, np.uint16)
    else:
        if image.ndim == 3:
            image = image[:, None]
        shape_good = image.ndim == 4 and image.shape[1] in (1, 3)
        expected = '(B, H, W), (B, 1, H, W) or (B, 3, H, W)'
        known = _is_eight_bit(image) or image.is_floating_point()
    if not shape_good or 0 in image.shape:
        raise ValueError(f'Expected the {name} in shape {expected}, got '
                         f'{tuple(image.shape)}.')
    if not known:
        raise TypeError(
            f'Expected uint8, uint16 or floats for the {name}, got '
            f'{image.dtype}. Convert it.')
    if _is_eight_bit(image):
        return image
    if data_range is None:
        raise ValueError(
            f'Expected uint8 for the {name}, got {image.dtype}, whose range '
            'is not known. Pass data_range=1 (or 255, 65535) or convert it.')
    return _scaled(image, name, float(data_range))


def _scaled(image, name: str, data_range: float):
    low, high = float(image.min()), float(image.max())
    if not np.isfinite(low + high):
        raise ValueError(
            f'Expected finite values in the {name}, got NaN or infinity. '
            'Look at what wrote it.')
    slack = 1e-4 * data_range
    if low < -slack or high > data_range + slack:
        raise ValueError(
            f'Expected values of the {name} in 0..{data_range:g}, got '
            f'{low:g}..{high:g}. Pass another data_range or clip it.')
    if data_range >= 255 and 0 < high <= 1:
        raise ValueError(
            f'Expected values of the {name} in 0..{data_range:g}, got '
            f'{low:g}..{high:g}, which looks like 0..1. Bring all images to '
            'one range.')
    if isinstance(image, np.ndarray):
        image = image.astype(np.float64)
    return image if data_range == 255 else image * (255 / data_range)


def planes(image, channels: str, quantize: bool,
           lasting: bool = False) -> list[Image]:
    """Single-channel contexts of one image.

    Args:
        image (np.ndarray | Tensor): As :func:`as_levels` gives it.
        channels (str): ``'gray'``: one plane; ``'rgb'``: three, the same
            thrice for an image of one channel.
        quantize (bool): Whether to round to integers, as a saved 8-bit
            image is.
        lasting (bool): As of :class:`Image`.

    Returns:
        list[Image]: One or three.
    """
    array = isinstance(image, np.ndarray)
    parts: list[Any]
    ops: Any
    if array:
        parts = [image] if image.ndim == 2 else [
            np.ascontiguousarray(image[..., i]) for i in range(3)
        ]
        ops = NUMPY
    else:
        from .ops_torch import TORCH
        parts, ops = list(image.unbind(1)), TORCH
    whole = quantize or _is_eight_bit(parts[0])
    if _is_eight_bit(parts[0]):
        parts = [
            part.astype(np.float64) if array else part.double()
            for part in parts
        ]
    elif quantize:
        parts = [part.round().clip(0, 255) for part in parts]
    if channels == 'gray' and len(parts) == 3:
        parts = [
            to_gray(np.stack(parts, -1)) if array else to_gray(
                ops.xp.stack(parts, 1))
        ]
        whole = True
    images = [
        Image(part, ops, lasting,
              part.astype(np.uint8) if array and whole else None)
        for part in parts
    ]
    return images * 3 if channels == 'rgb' and len(images) == 1 else images


def side_by_side(images: list[Image]) -> Image:
    """One (..., H, 3 W) image of three planes."""
    first = images[0]
    return first.derive(
        first.ops.xp.concatenate([image.values for image in images], -1))
