"""The images of a pair as arrays of one size and one depth."""
import mmap
import os
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import cv2
import numpy as np

from .homography import Homography, load_homography
from .images import read_image
from .levels import Limits, Range, between, byte_limits
from .registering import register_images

Source = str | os.PathLike | np.ndarray
#: settings of a pair's size and depth
DEFAULTS = dict(on_size_mismatch='error', uint16_range='full', register=None)
#: instead of a file, to find the matrix of each pair by itself
AUTO = 'auto'
_FULL = 65535
# Whether somebody was told that counts vanish, and that a pair looks
# swapped: bytes that the processes of a run share.
_TOLD = mmap.mmap(-1, 2)
#: mean difference of the channels of what is grey, and of what is colour
_GREY, _COLOUR = 1, 12


def tell_again() -> None:
    """A new run: what :class:`PairReading` warns of once is told again."""
    _TOLD[:2] = bytes(2)


@dataclass(frozen=True)
class OpenImage:
    """A decoded image, whose parts become what models see.

    Attributes:
        stored (np.ndarray): As its file has it.
        channels (int, optional): 1 or 3; None leaves them.
        source (str): What errors call it.
        limits (tuple[float, float], optional): Values that become 0 and
            255; None of uint8, and of what is in that range already.
    """
    stored: np.ndarray
    channels: int | None
    source: str
    limits: Limits = None

    @property
    def size(self) -> tuple[int, int]:
        """Height and width."""
        return self.stored.shape[:2]

    def window(
        self, rows: slice = slice(None), columns: slice = slice(None)
    ) -> np.ndarray:
        """A part of it, see :meth:`PairReading.read`."""
        # first, since OpenCV knows few kinds of numbers
        part = between(self.stored[rows, columns], self.limits)
        return _with_channels(part, self.channels, self.source)


@dataclass(frozen=True)
class PairReading:
    """How the images of a pair are read, wherever that is done.

    Args:
        on_size_mismatch (str): ``'error'``, or ``'resize_<name>'`` to
            resize one image to the size of the others.
        uint16_range (str | tuple[float, float]): Values of deep one-channel
            images that become 0 and 255: ``'full'``, ``'minmax'`` or
            (low, high).
        backend_args (dict, optional): File backend.
        register (str, optional): File of the matrix that maps pixels of the
            second image to those of the first, see :func:`load_homography`;
            ``'auto'`` finds one for each pair. Comes before the sizes.

    Raises:
        ValueError: If these are unknown, or the file holds no matrix.
        FileNotFoundError: If there is no such file.
    """
    on_size_mismatch: str = 'error'
    uint16_range: Range = 'full'
    backend_args: dict | None = None
    register: str | os.PathLike | None = None

    def __post_init__(self) -> None:
        mode, limits = self.on_size_mismatch, self.uint16_range
        if mode != 'error' and not mode.startswith('resize_'):
            raise ValueError(
                "Expected on_size_mismatch 'error', 'resize_ir' or "
                f"'resize_vis', got {mode!r}.")
        if limits not in ('full', 'minmax') and not (isinstance(
                limits,
            (list, tuple)) and len(limits) == 2 and limits[0] < limits[1]):
            raise ValueError(
                "Expected uint16_range 'full', 'minmax' or (low, high) "
                f'with low < high, got {limits!r}.')
        if self.register not in (None, AUTO):
            _ = self._homography  # refused at once, read once

    @cached_property
    def _homography(self) -> Homography:
        return load_homography(self.register)

    def stated(self) -> dict[str, Any]:
        """Settings of size and depth that are not the defaults."""
        return {
            name: getattr(self, name) for name, default in DEFAULTS.items()
            if getattr(self, name) != default
        }

    def read(self, sources: Mapping[str, Source],
             channels: Mapping[str, int | None]) -> dict[str, np.ndarray]:
        """Read the images of a pair.

        Args:
            sources (mapping): Name -> file or array, see
                :class:`~mmfusion.datasets.transforms.LoadFusionPair`. Where
                all are one file, it holds all channels.
            channels (mapping): Name -> 1 or 3; None leaves the image as it
                is stored.

        Returns:
            dict[str, np.ndarray]: Of one size, (H, W), (H, W, 1) or
            (H, W, 3) BGR; uint8, or float32 in 0..255 of a deeper image.

        Raises:
            FileNotFoundError: If a file does not exist.
            ValueError: If a file is unreadable, sizes differ, or an array
                has a wrong shape or range.
            TypeError: If an array has a wrong dtype.
        """
        return {
            name: image.window()
            for name, image in self.open(sources, channels).items()
        }

    def open(self, sources: Mapping[str, Source],
             channels: Mapping[str, int | None]) -> dict[str, OpenImage]:
        """Decode the images of a pair, for parts of them to be looked at.

        Args, Raises: See :meth:`read`.

        Returns:
            dict[str, OpenImage]: Of one size.
        """
        files = {
            os.fspath(source) if _is_file(source) else None
            for source in sources.values()
        }
        if (len(sources) > 1 == len(files) and None not in files
                and None not in channels.values()):
            stored = self._split(files.pop(), channels)
        else:
            stored = {
                name: self._image(source, name)
                for name, source in sources.items()
            }
        images = {
            name: self._open(image, channels[name], told(sources[name], name))
            for name, image in stored.items()
        }
        _warn_of_swapped(images, sources)
        return self._of_one_size(self._registered(images), sources)

    def _image(self, source: Source, name: str) -> np.ndarray:
        if not _is_file(source):
            return _checked(source, name)
        return read_image(os.fspath(source), backend_args=self.backend_args)

    def _split(self, path: str,
               channels: Mapping[str, int]) -> dict[str, np.ndarray]:
        image = read_image(path, cv2.IMREAD_UNCHANGED, self.backend_args)
        found = image.shape[2] if image.ndim == 3 else 1
        ends = np.cumsum(list(channels.values()))
        if found != ends[-1]:
            raise ValueError(
                f'Expected {ends[-1]} channels in {path!r}, where all '
                f'modalities are said to lie, got {found}. Give each '
                'modality a file of its own.')
        return dict(zip(channels, np.split(image, ends[:-1], 2), strict=True))

    def same_size(self, images: dict[str, np.ndarray],
                  sources: Mapping[str, Source]) -> dict[str, np.ndarray]:
        """Resize one image to the size of the others where that is asked.

        Raises:
            ValueError: If sizes differ and that is not asked, or is not
                enough.
        """
        opened = {
            name: OpenImage(image, None, name)
            for name, image in images.items()
        }
        return {
            name: image.stored
            for name, image in self._of_one_size(opened, sources).items()
        }

    def _of_one_size(self, images: dict[str, OpenImage],
                     sources: Mapping[str, Source]) -> dict[str, OpenImage]:
        sizes = {name: image.size for name, image in images.items()}
        if len(set(sizes.values())) == 1:
            return images
        moved = self.on_size_mismatch[len('resize_'):]
        # One modality is resized: all others have to agree.
        kept = {size for name, size in sizes.items() if name != moved}
        if (self.on_size_mismatch == 'error' or moved not in images
                or len(kept) > 1):
            shown = ', '.join(f'{told(sources[name], name)!r} is '
                              f'{size[1]}x{size[0]}'
                              for name, size in sizes.items())
            raise ValueError(
                f'Expected a pair of one size, but {shown} (width x height). '
                'Register the pair (mmfusion register VIS IR finds a matrix; '
                'register=FILE or --register FILE applies it); where both '
                'show the same view at two resolutions, set on_size_mismatch '
                '(--on-size-mismatch) to one of '
                f'{["resize_" + name for name in images]}.')
        image = resize_image(images[moved].window(), kept.pop())
        return {
            **images, moved:
            replace(images[moved], stored=image, channels=None, limits=None)
        }

    def _registered(self, images: dict[str,
                                       OpenImage]) -> dict[str, OpenImage]:
        """The second image in the pixels of the first, where asked."""
        if self.register is None or len(images) != 2:
            return images
        (_, fixed), (name, moving) = images.items()
        image = moving.window()
        found = (register_images(fixed.window(), image)
                 if self.register == AUTO else self._homography)
        image = found.warp(image, fixed.size, moving.source)
        return {
            **images, name:
            replace(moving, stored=image, channels=None, limits=None)
        }

    def _open(self, image: np.ndarray, channels: int | None,
              source: str) -> OpenImage:
        colour = 3 in (channels, *image.shape[2:]) and channels != 1
        if image.dtype == np.uint16 and (colour
                                         or self.uint16_range == 'full'):
            _warn_of_lost_counts(float(image.min()), float(image.max()),
                                 not colour, source)
        limits = byte_limits(image, source, self.uint16_range, colour)
        return OpenImage(image, channels, source, limits)


def told(source: Source, name: str) -> str:
    """What messages call a source."""
    return os.fspath(source) if _is_file(source) else f'array {name}'


def resize_image(image: np.ndarray, size: tuple[int, ...]) -> np.ndarray:
    """An image at another height and width; averaged where it shrinks."""
    height, width = size
    smaller = height * width < image.shape[0] * image.shape[1]
    return cv2.resize(
        image, (width, height),
        interpolation=cv2.INTER_AREA if smaller else cv2.INTER_LINEAR)


def to_bytes(image: np.ndarray) -> np.ndarray:
    """What :meth:`PairReading.read` gives, rounded to uint8."""
    return image if image.dtype == np.uint8 else np.rint(image).astype(
        np.uint8)


def _warn_of_lost_counts(low: float, high: float, grey: bool,
                         source: str) -> None:
    """Once a run: counts that share a few levels of 256 are lost."""
    if not 0 < high - low < 0.05 * _FULL or _TOLD[0]:
        return
    _TOLD[0] = 1
    advice = ('Say which counts are black and white: uint16_range=(LOW, HIGH) '
              'of LoadFusionPair, --uint16-range LOW HIGH, or minmax.'
              if grey else 'uint16_range is for images of one channel: '
              'convert these to 8 bits.')
    warnings.warn(
        f'{source}: 16 bits with counts {low:.0f} to {high:.0f}, less than '
        f'5 % of the full range 0 to {_FULL}, become almost one grey. '
        f'{advice}', stacklevel=2)


def _warn_of_swapped(images: Mapping[str, OpenImage],
                     sources: Mapping[str, Source]) -> None:
    """Once a run: grey where colour is expected, and the other way round."""
    if _TOLD[1] or {1, 3} - {image.channels for image in images.values()}:
        return
    found = {name: _colour(image) for name, image in images.items()}
    grey = [
        name for name, image in images.items()
        if image.channels == 3 and found[name] < _GREY
    ]
    colour = [
        name for name, image in images.items()
        if image.channels == 1 and found[name] > _COLOUR
    ]
    if grey and colour:
        _TOLD[1] = 1
        first, second = (told(sources[name], name)
                         for name in (grey[0], colour[0]))
        warnings.warn(
            f'{first}, which stands for {grey[0]!r}, is grey, and {second}, '
            f'which stands for {colour[0]!r}, is in colour: are the two '
            'swapped? The visible image comes first.', stacklevel=2)


def _colour(image: OpenImage) -> float:
    """Mean difference of the channels of some of the pixels."""
    if image.stored.ndim == 2 or image.stored.shape[2] < 3:
        return 0.
    part = between(image.stored[::8, ::8, :3], image.limits).astype(np.float32)
    return float((part.max(2) - part.min(2)).mean())


def _is_file(source: Source) -> bool:
    return isinstance(source, (str, os.PathLike))


def _checked(array: np.ndarray, name: str) -> np.ndarray:
    if not isinstance(array, np.ndarray) or array.dtype.kind not in 'uif':
        raise TypeError(
            f'Expected {name!r} as a file or an array of integers or floats, '
            f'got {getattr(array, "dtype", type(array).__name__)}.')
    if array.ndim not in (2, 3) or (array.ndim == 3
                                    and array.shape[2] not in (1, 2, 3, 4)):
        raise ValueError(
            f'Expected {name!r} of shape (H, W) or (H, W, C) with 1 or 3 '
            f'channels, perhaps transparency behind, got {array.shape}.')
    if array.size == 0:
        raise ValueError(f'Expected pixels in {name!r}, got an empty array '
                         f'of shape {array.shape}.')
    if array.ndim == 3 and array.shape[2] in (2, 4):  # transparency behind
        array = np.ascontiguousarray(array[..., :-1])
    return array


def _with_channels(image: np.ndarray, channels: int | None,
                   source: str) -> np.ndarray:
    """Grey or BGR, as the modality asks."""
    have = image.shape[2] if image.ndim == 3 else 1
    if channels in (None, have):
        return image
    if channels == 3 and have == 1:
        return cv2.cvtColor(image, cv2.COLOR_GRAY2BGR)
    if channels == 1 and have == 3:
        return cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
    raise ValueError(
        f'Expected {channels} channels (1 and 3 convert into each other), '
        f'got {have} in {source!r}.')
