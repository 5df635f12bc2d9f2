"""How image files become the numbers that are measured.

Papers differ in these steps more than in their formulas: which grey, which
channels, stretched or not, rounded or not.
"""
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import cv2
import numpy as np

from mmfusion.fileio import PairReading, read_image, to_byte_range
from mmfusion.fileio.reading import Range
from mmfusion.functional import (PRESETS, FusionMetricSpec, get_preset,
                                 select_metrics)
from mmfusion.functional.arrays import as_levels, to_gray
from mmfusion.functional.presets import CHANNELS
from mmfusion.tasks import TASKS
from mmfusion.utils.errors import check_choice, spelled
from mmfusion.version import __version__

#: grey rule -> what it is
GREY_RULES = dict(
    bt601='0.299 R + 0.587 G + 0.114 B, rounded',
    matlab="MATLAB's rgb2gray: weights of six digits, halves up",
    opencv="OpenCV's cvtColor: 15-bit integers",
    pillow="Pillow's convert('L'): 16-bit integers",
    decoder="as cv2.imread(path, 0): of a JPEG the decoder's own luma")
#: how the fused image is stretched to 0..255 before it is measured
STRETCHES = dict(none='as the file is',
                 round='smallest and largest value to 0 and 255, rounded',
                 trunc='the same, truncated, as FILM saves')
#: channels of the modalities that have a name, the visible image first
_KNOWN = {
    name: count for task in TASKS.values()
    for name, count in task.modalities.items()
}


@dataclass(frozen=True)
class Protocol:
    """What is measured, and of which numbers; names in any case.

    Args:
        metrics (str | tuple[str], optional): See
            :func:`~mmfusion.functional.select_metrics`.
        preset (str): Columns and channels of a family of published tables.
        channels (str, optional): ``'gray'`` or ``'rgb'`` (each channel,
            then the mean). None: what the preset says.
        quantize (bool): Whether to round what is not 8-bit to 256 levels.
        grey (str): A key of :data:`GREY_RULES`. Rules but ``'bt601'`` are
            defined for 8-bit images only.
        stretch (str): A key of :data:`STRETCHES`; of the grey image where
            that is measured, else one range for all channels. A constant
            image stays as it is.
        data_range (float, optional): Value of files that are not 8-bit that
            is white. None: 65535 for 16-bit unsigned files, 1 for floats in
            [0, 1]; others need it.
        uint16_range (str | tuple[float, float]): Of deep one-channel
            sources, instead; see :class:`~mmfusion.fileio.PairReading`.
        on_size_mismatch (str): Of the sources, likewise.
        register (str, optional): Of the sources, likewise.

    Raises:
        ValueError: For unknown names.
    """
    metrics: None | str | tuple[str, ...] = None
    preset: str = 'default'
    channels: str | None = None
    quantize: bool = True
    grey: str = 'bt601'
    stretch: str = 'none'
    data_range: float | None = None
    uint16_range: Range = 'full'
    on_size_mismatch: str = 'error'
    register: str | None = None

    def __post_init__(self) -> None:
        for name, known in dict(preset=PRESETS, channels=CHANNELS,
                                grey=GREY_RULES, stretch=STRETCHES).items():
            word = spelled(known, getattr(self, name))
            object.__setattr__(self, name, word)
        _ = self.specs, self.reading
        check_choice(CHANNELS, channels=self.used_channels)
        check_choice(GREY_RULES, grey=self.grey)
        check_choice(STRETCHES, stretch=self.stretch)
        if self.data_range is not None and not self.data_range > 0:
            raise ValueError('Expected a data_range above 0, got '
                             f'{self.data_range}.')

    @property
    def specs(self) -> dict[str, FusionMetricSpec]:
        """Heading -> variant of each metric."""
        return select_metrics(self.metrics, self.preset)

    @property
    def used_channels(self) -> str:
        """``'gray'`` or ``'rgb'``."""
        return self.channels or get_preset(self.preset).channels

    @cached_property
    def reading(self) -> PairReading:
        """How the sources are read."""
        return PairReading(self.on_size_mismatch, self.uint16_range,
                           register=self.register)

    def settings(self) -> dict[str, Any]:
        """All that changes a number, as JSON takes it."""
        return dict(
            mmfusion=__version__, metrics={
                head: spec.key for head, spec in self.specs.items()
            }, channels=self.used_channels, quantize=self.quantize,
            grey=self.grey, stretch=self.stretch, data_range=self.data_range,
            **self.reading.stated())

    def read(self, path: str) -> np.ndarray:
        """One image file.

        Args:
            path (str): The file.

        Returns:
            np.ndarray: (H, W), or (H, W, 3) RGB where channels are
            measured or the grey rule is left to the metrics; uint8, or
            float64 in 0..1 for files of more than 8 bits.

        Raises:
            FileNotFoundError: If there is no such file.
            ValueError: If it is damaged or does not fit the protocol.
        """
        image = _rgb(self._decode(path))
        if image.dtype != np.uint8 and self.data_range is None:
            image = to_byte_range(image, path).astype(np.float64) / 255
        elif image.dtype != np.uint8:
            image = as_levels(image.astype(np.float64), 'image',
                              self.data_range) / 255
        return self._one_or_three(image)

    def read_sources(
        self, paths: Sequence[str],
        names: Sequence[str] = ()) -> list[np.ndarray]:
        """Source images, as :meth:`read` gives them, of one size.

        They are read as the pairs that are fused: modalities of a task are
        brought to their number of channels.

        Args:
            paths (sequence[str]): The files, infrared first.
            names (sequence[str]): What the images are.
        """
        names = names or [f'source {place}' for place in range(len(paths))]
        files = dict(zip(names, paths, strict=True))
        # One file with all channels has those of the visible image first.
        order = sorted(names, key=[*_KNOWN, *names].index)
        sources: dict[str, Any] = {name: files[name] for name in order}
        if self._decoder_is_asked or self.data_range is not None:
            sources = {
                name: self._scaled(self._decode(path))
                for name, path in sources.items()
            }
        images = self.reading.read(sources,
                                   {name: _KNOWN.get(name) for name in order})
        return [
            self._one_or_three(_unit(_rgb(images[name]))) for name in names
        ]

    @property
    def _decoder_is_asked(self) -> bool:
        return self.used_channels == 'gray' and self.grey == 'decoder'

    def _decode(self, path: str) -> np.ndarray:
        return read_image(
            path, *([cv2.IMREAD_ANYDEPTH] if self._decoder_is_asked else []))

    def _scaled(self, image: np.ndarray) -> np.ndarray:
        """A deep source whose white is stated, 0..1."""
        if (image.dtype == np.uint8 or self.data_range is None
                or (image.ndim == 2 and self.uint16_range != 'full')):
            return image
        levels = as_levels(image.astype(np.float64), 'image', self.data_range)
        return (levels / 255).astype(np.float32)

    def _one_or_three(self, image: np.ndarray) -> np.ndarray:
        """Grey of RGB where the rule is not the metrics' own."""
        return (_to_grey(image, self.grey)
                if self.used_channels == 'gray' else image)

    def read_fused(self, path: str) -> np.ndarray:
        """A fused image as :meth:`read` gives it, stretched if asked."""
        image = self.read(path)
        if self.stretch == 'none':
            return image
        if self.used_channels == 'gray' and image.ndim == 3:
            image = to_gray(as_levels(image, 'image', 1)).astype(np.uint8)
        return _stretched(image, self.stretch)


def _rgb(image: np.ndarray) -> np.ndarray:
    """RGB of BGR, or grey (H, W)."""
    if image.ndim == 2 or image.shape[2] == 1:
        return image.reshape(image.shape[:2])
    return np.ascontiguousarray(image[..., ::-1])


def _unit(image: np.ndarray) -> np.ndarray:
    """Float64 in 0..1 of what is deeper than 8 bits."""
    return image if image.dtype == np.uint8 else image.astype(float) / 255


def _to_grey(image: np.ndarray, rule: str) -> np.ndarray:
    """(H, W) of 8-bit RGB by rules other than the metrics' own."""
    if image.ndim == 2 or rule == 'bt601':
        return image
    if image.dtype != np.uint8:
        raise ValueError(f'Expected an 8-bit image for the grey rule '
                         f'{rule!r}, got a deeper one. Use bt601.')
    if rule == 'opencv':
        return cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    red, green, blue = (image[..., i].astype(np.int64) for i in range(3))
    if rule == 'pillow':
        luma = (19595 * red + 38470 * green + 7471 * blue + 32768) >> 16
    else:
        # Weights that sum to one million keep this in integers.
        luma = (298936 * red + 587043 * green + 114021 * blue +
                500000) // 1000000
    return luma.astype(np.uint8)


def _stretched(image: np.ndarray, how: str) -> np.ndarray:
    """Image over the whole range 0..255, uint8."""
    low, high = float(image.min()), float(image.max())
    if high == low:
        return image
    # float32, as the evaluators' authors have it.
    scaled = (image.astype(np.float32) -
              np.float32(low)) / np.float32(high - low) * np.float32(255)
    return (np.rint(scaled) if how == 'round' else scaled).astype(np.uint8)
