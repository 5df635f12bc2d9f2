"""Load the modalities of a sample into one stacked array."""
import copy
from dataclasses import replace
from typing import Any

import cv2
import numpy as np

from mmfusion.fileio.reading import (OpenImage, PairReading, Range, tell_again,
                                     told)
from mmfusion.registry import TRANSFORMS

from .shown import ShownTransform

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

    Files and arrays are uint8, uint16, or float in [0, 1]; of other kinds
    (signed, of 32 bits, floats beyond) where ``uint16_range`` states their
    range. Arrays are (H, W), (H, W, 1) or (H, W, 3) in BGR order, perhaps
    with transparency behind.

    16-bit counts within less than 5 % of the full range give one warning a
    run.

    Required keys: ``<name>_path`` or ``<name>`` of each modality; optional
    ``modalities``; ``height`` and ``width`` where the boxes of the sample
    were drawn on an image of that size.

    Added keys: ``img`` (H, W, C), uint8, or float32 in 0..255 where a
    modality is deeper than 8 bits; ``img_shape``, ``ori_shape``,
    ``modalities`` (dict from name to (first, end) channel), ``img_path``
    (path of the first modality, or None), ``loader``, this transform, by
    which metrics and panels read the pair once more.

    Args:
        on_size_mismatch (str): ``'error'``, or ``'resize_<name>'``
            (``'resize_ir'``, ``'resize_vis'``) to resize one modality to
            the size of the other. Resizing aligns nothing: pairs have to
            be registered. Defaults to ``'error'``.
        uint16_range (str | tuple[float, float]): Values of deep one-channel
            images that become 0 and 255: ``'full'`` (0 to 65535),
            ``'minmax'`` (of each image) or fixed (low, high), beyond which
            values are clipped. Three-channel images use the full range
            where their kind has one. Defaults to ``'full'``.
        backend_args (dict, optional): File backend.
        register (str, optional): File of ``mmfusion register``, whose
            matrix takes the second modality into the pixels of the first;
            ``'auto'`` finds one for each pair. Defaults to None.

    Raises:
        FileNotFoundError: If a file does not exist.
        ValueError: If a file is unreadable or truncated, sizes differ from
            each other or from the stated one, or an array has a wrong shape
            or range.
        TypeError: If an array has a wrong dtype.
    """

    def __init__(self, on_size_mismatch: str = 'error',
                 uint16_range: Range = 'full',
                 backend_args: dict | None = None,
                 register: str | None = None) -> None:
        self.reading = PairReading(on_size_mismatch, uint16_range,
                                   backend_args, register)
        tell_again()

    def changed(self, **settings: Any) -> 'LoadFusionPair':
        """The same with other settings, as part of the same run."""
        other = copy.copy(self)
        other.reading = replace(self.reading, **settings)
        return other

    def transform(self, results: dict) -> dict:
        """Add the stacked image."""
        return self.add(results, {
            name: image.window() for name, image in self.open(results).items()
        })

    def open(self, results: dict) -> dict[str, OpenImage]:
        """The modalities of a sample, decoded, by name."""
        layout = results.get('modalities') or _LAYOUT
        images = self.reading.open(
            {name: _source(results, name) for name in layout}, {
                name: end - first for name, (first, end) in layout.items()
            })
        self._check_stated(images, results)
        return images

    def add(self, results: dict, images: dict[str, np.ndarray]) -> dict:
        """Add the stack of all modalities, or of parts of them."""
        if any(image.dtype != np.uint8 for image in images.values()):
            images = {
                name: image.astype(np.float32)
                for name, image in images.items()
            }
        stack = cv2.merge(tuple(images.values()))
        layout = results.get('modalities') or _LAYOUT
        results['img'] = stack
        results['img_shape'] = results['ori_shape'] = stack.shape[:2]
        results['modalities'] = dict(layout)
        results['img_path'] = results.get(f'{next(iter(layout))}_path')
        results['loader'] = self
        return results

    @staticmethod
    def _check_stated(images: dict[str, OpenImage], results: dict) -> None:
        """Boxes are at the stated size, and nothing would scale them."""
        stated = results.get('height'), results.get('width')
        name, image = next(iter(images.items()))
        height, width = image.size
        if None in stated or stated == (height, width):
            return
        raise ValueError(
            f'LoadFusionPair: expected {told(_source(results, name), name)!r} '
            f'to be loaded at {stated[1]}x{stated[0]} (width x height), the '
            f'size that its annotations state, got {width}x{height}: boxes '
            'would be at wrong places. Resize the other modality '
            '(on_size_mismatch), or convert the annotations anew.')


def _source(results: dict, name: str) -> Any:
    """Array or path of a modality."""
    source = results.get(name)
    if source is None:
        source = results.get(f'{name}_path')
    if source is None:
        raise ValueError(f"LoadFusionPair: expected '{name}_path' or an array "
                         f'{name!r}, got neither.')
    return source
