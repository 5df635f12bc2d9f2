"""Load the modalities of a sample into one stacked array."""

import cv2
import numpy as np

from mmfusion.fileio import read_image
from mmfusion.registry import TRANSFORMS

from .shown import ShownTransform

Range = str | tuple[float, float]
_LAYOUT = dict(vis=(0, 3), ir=(3, 4))


@TRANSFORMS.register_module()
class LoadFusionPair(ShownTransform):
    """Load all modalities and stack them along the channels.

    Each modality comes from the array under its name (``results['vis']``,
    ``results['ir']``) where there is one, else from ``<name>_path``.

    - A modality of three channels is BGR; a grey image is repeated.
    - A modality of one channel is grey; colour or false colour is reduced
      by BT.601 (equal channels stay exact).
    - Where all paths are one file, it holds all channels, visible first
      (the raw MFNet PNGs).
    - Transparency is dropped.

    Arrays are uint8, uint16, or float in [0, 1]; (H, W), (H, W, 1) or
    (H, W, 3) in BGR order.

    Required keys: ``<name>_path`` or ``<name>`` of each modality; optional
    ``modalities``; ``height`` and ``width`` where the boxes of the sample
    were drawn on an image of that size.

    Added keys: ``img`` (H, W, C), uint8, or float32 in 0..255 where a
    modality is deeper than 8 bits; ``img_shape``, ``ori_shape``,
    ``modalities`` (dict from name to (first, end) channel), ``img_path``
    (path of the first modality, or None).

    Args:
        on_size_mismatch (str): ``'error'``, or ``'resize_<name>'``
            (``'resize_ir'``, ``'resize_vis'``) to resize one modality to
            the size of the other. Resizing aligns nothing: pairs have to
            be registered. Defaults to ``'error'``.
        uint16_range (str | tuple[float, float]): Values of deep one-channel
            images that become 0 and 255: ``'full'`` (0 to 65535),
            ``'minmax'`` (of each image) or fixed (low, high), beyond which
            values are clipped. Three-channel images always use the full
            range. Defaults to ``'full'``.
        backend_args (dict, optional): File backend.

    Raises:
        FileNotFoundError: If a file does not exist.
        ValueError: If a file is unreadable or truncated, sizes differ from
            each other or from the stated one, or an array has a wrong shape
            or range.
        TypeError: If an array has a wrong dtype.
    """

    def __init__(self, on_size_mismatch: str = 'error',
                 uint16_range: Range = 'full',
                 backend_args: dict | None = None) -> None:
        if (on_size_mismatch != 'error'
                and not on_size_mismatch.startswith('resize_')):
            raise ValueError(
                "Expected on_size_mismatch 'error', 'resize_ir' or "
                f"'resize_vis', got {on_size_mismatch!r}.")
        if isinstance(uint16_range, str):
            fits = uint16_range in ('full', 'minmax')
        else:
            fits = len(uint16_range) == 2 and uint16_range[0] < uint16_range[1]
        if not fits:
            raise ValueError(
                "Expected uint16_range 'full', 'minmax' or (low, high) "
                f'with low < high, got {uint16_range!r}.')
        self.on_size_mismatch = on_size_mismatch
        self.uint16_range = uint16_range
        self.backend_args = backend_args

    def transform(self, results: dict) -> dict:
        """Add the stacked image."""
        layout = results.get('modalities') or _LAYOUT
        images = self._arrays(results, layout)
        images = self._same_size(images, results)
        self._check_stated(images, results)
        deep = any(image.dtype != np.uint8 for image in images.values())
        if deep:
            images = {
                name: self._to_byte_range(image, name)
                for name, image in images.items()
            }
        stack = cv2.merge(tuple(images.values()))
        results['img'] = stack
        results['img_shape'] = results['ori_shape'] = stack.shape[:2]
        results['modalities'] = dict(layout)
        results['img_path'] = results.get(f'{next(iter(layout))}_path')
        return results

    def _arrays(self, results: dict,
                layout: dict[str, tuple[int, int]]) -> dict[str, np.ndarray]:
        paths = [results.get(f'{name}_path') for name in layout]
        arrays = {name: results.get(name) for name in layout}
        if (len(paths) > 1 and len(set(paths)) == 1 and paths[0] is not None
                and all(array is None for array in arrays.values())):
            return self._split_file(paths[0], layout)
        images = {}
        for (name, (first, end)), path in zip(layout.items(), paths,
                                              strict=True):
            if arrays[name] is not None:
                image = _checked(arrays[name], name)
            elif path is not None:
                image = read_image(path, backend_args=self.backend_args)
            else:
                raise ValueError(
                    f"LoadFusionPair: expected '{name}_path' or an array "
                    f'{name!r}, got neither.')
            images[name] = _with_channels(image, end - first, path or name)
        return images

    def _split_file(
            self, path: str,
            layout: dict[str, tuple[int, int]]) -> dict[str, np.ndarray]:
        image = read_image(path, cv2.IMREAD_UNCHANGED, self.backend_args)
        channels = image.shape[2] if image.ndim == 3 else 1
        expected = max(end for _, end in layout.values())
        if channels != expected:
            raise ValueError(
                f'LoadFusionPair: all modalities are said to lie in {path!r}; '
                f'expected {expected} channels there, got {channels}. Give '
                'each modality a file of its own.')
        return {
            name: image[..., first:end]
            for name, (first, end) in layout.items()
        }

    def _same_size(self, images: dict[str, np.ndarray],
                   results: dict) -> dict[str, np.ndarray]:
        sizes = {name: image.shape[:2] for name, image in images.items()}
        if len(set(sizes.values())) == 1:
            return images
        told = ', '.join(f'{_source(results, name)!r} is {size[1]}x{size[0]}'
                         for name, size in sizes.items())
        moved = self.on_size_mismatch[len('resize_'):]
        # One modality is resized: all others have to agree.
        kept = {size for name, size in sizes.items() if name != moved}
        if (self.on_size_mismatch == 'error' or moved not in images
                or len(kept) > 1):
            raise ValueError(
                f'LoadFusionPair: expected a pair of one size, but {told} '
                '(width x height). Register the pair; where both show the '
                'same view at two resolutions, set on_size_mismatch to one '
                f'of {["resize_" + name for name in images]}.')
        height, width = kept.pop()
        smaller = height * width < sizes[moved][0] * sizes[moved][1]
        images[moved] = cv2.resize(
            images[moved], (width, height),
            interpolation=cv2.INTER_AREA if smaller else cv2.INTER_LINEAR)
        return images

    @staticmethod
    def _check_stated(images: dict[str, np.ndarray], results: dict) -> None:
        """Boxes are at the stated size, and nothing would scale them."""
        stated = results.get('height'), results.get('width')
        name, image = next(iter(images.items()))
        height, width = image.shape[:2]
        if None in stated or stated == (height, width):
            return
        raise ValueError(
            f'LoadFusionPair: expected {_source(results, name)!r} to be '
            f'loaded at {stated[1]}x{stated[0]} (width x height), the size '
            f'that its annotations state, got {width}x{height}: boxes would '
            'be at wrong places. Resize the other modality '
            '(on_size_mismatch), or convert the annotations anew.')

    def _to_byte_range(self, image: np.ndarray, name: str) -> np.ndarray:
        """Float32 in 0..255."""
        if image.dtype == np.uint8:
            return image.astype(np.float32)
        is_float = image.dtype.kind == 'f'
        image = image.astype(np.float32)
        grey = image.ndim == 2 or image.shape[2] == 1
        if self.uint16_range == 'full' or not grey:
            low, high = image.min(), image.max()
            if is_float and not (low >= 0 and high <= 1):
                raise ValueError(
                    f'LoadFusionPair: expected {name!r} as 8 or 16 bit '
                    f'integers or float in [0, 1], got float in '
                    f'[{low:.6g}, {high:.6g}]. Give uint16_range=(low, '
                    "high) or 'minmax'.")
            return image * (255.0 if is_float else 255.0 / 65535.0)
        if self.uint16_range == 'minmax':
            low, high = float(image.min()), float(image.max())
        else:
            low, high = self.uint16_range
        scale = 255.0 / max(high - low, 1e-12)
        return np.clip((image - low) * scale, 0, 255).astype(np.float32)


def _source(results: dict, name: str) -> str:
    return results.get(f'{name}_path') or f'array {name}'


def _checked(array: np.ndarray, name: str) -> np.ndarray:
    if not isinstance(array, np.ndarray) or array.dtype not in (
            np.uint8, np.uint16, np.float32, np.float64):
        raise TypeError(
            f'LoadFusionPair: expected {name!r} as a uint8, uint16 or float '
            f'array, got {getattr(array, "dtype", type(array).__name__)}.')
    if array.ndim not in (2, 3) or (array.ndim == 3
                                    and array.shape[2] not in (1, 3, 4)):
        raise ValueError(
            f'LoadFusionPair: expected {name!r} of shape (H, W) or '
            f'(H, W, C) with 1 or 3 channels, got {array.shape}.')
    if array.size == 0:
        raise ValueError(f'LoadFusionPair: {name!r} is empty: {array.shape}.')
    return array


def _with_channels(image: np.ndarray, channels: int,
                   source: str) -> np.ndarray:
    """Grey or BGR, as the modality asks; other counts are passed through."""
    have = image.shape[2] if image.ndim == 3 else 1
    if have == 4:
        image, have = np.ascontiguousarray(image[..., :3]), 3
    if image.dtype == np.float64:
        image = image.astype(np.float32)
    if channels == have:
        return image
    if channels == 3 and have == 1:
        return cv2.cvtColor(image, cv2.COLOR_GRAY2BGR)
    if channels == 1 and have == 3:
        return cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
    raise ValueError(
        f'LoadFusionPair: expected {channels} channels (1 and 3 convert into '
        f'each other), got {have} in {source!r}.')
