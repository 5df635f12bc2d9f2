"""Pairs of any size, fused under a memory limit."""
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from mmcv.transforms import Compose
from mmengine.dataset import pseudo_collate

from mmfusion.datasets.transforms import LoadFusionPair
from mmfusion.fileio.reading import OpenImage
from mmfusion.models.layers.memory import peak_meter
from mmfusion.models.tiling import Tiling, tiling_of
from mmfusion.models.wrappers import BaseFusionModel
from mmfusion.structures import FusionDataSample
from mmfusion.utils.errors import UsageError
from mmfusion.utils.files import PathLike, write_png
from mmfusion.utils.sizes import parse_size, told_size

from .fused_image import to_uint8
from .model_loading import for_sources

#: side of the part that a method's memory is measured with
_PROBE = 128
#: bytes that a pixel takes in any case, where nobody knows, and how much
#: more than measured is granted
_LEAST, _UNKNOWN, _MARGIN = 64, 4096, 1.2


class OpenPair:
    """A pair whose images are decoded, but not yet what models see.

    Attributes:
        sample (dict): The raw sample.
        results (dict): What the transforms before loading made of it.
        images (dict[str, OpenImage]): Its modalities.
        shape (tuple[int, int, int]): Channels, height and width.
    """

    def __init__(self, sample: dict, results: dict,
                 images: dict[str, OpenImage]) -> None:
        self.sample, self.results, self.images = sample, results, images
        first = next(iter(images.values()))
        channels = sum(image.channels or 1 for image in images.values())
        self.shape = (channels, *first.size)

    @property
    def nbytes(self) -> int:
        """Memory of the decoded images, and of an 8-bit fused one."""
        height, width = self.shape[1:]
        stored = sum(image.stored.nbytes for image in self.images.values())
        return stored + 3 * height * width


class TiledFusion:
    """Fuses pairs whole where they fit a memory limit, else in tiles.

    The limit is on what fusing a pair takes beside the program itself: the
    decoded images, the fused one and the network's maps; on a GPU, on the
    memory there. What the method takes a pixel is measured once.

    Args:
        model (BaseFusionModel): A wrapper; its fuser alone runs.
        pipeline (Compose): Of the model's pairs, which leaves their size.
        limit (str | int): Such as ``'2GB'``, or bytes.

    Raises:
        UsageError: If the limit is no amount, or the pipeline does not load
            pairs by ``LoadFusionPair``.
    """

    def __init__(self, model: BaseFusionModel, pipeline: Compose,
                 limit: str | int) -> None:
        self.model, self.pipeline = model, pipeline
        self.limit = parse_size(limit)
        self.tiling = tiling_of(model)
        steps = list(pipeline.transforms)
        places = [
            place for place, step in enumerate(steps)
            if isinstance(step, LoadFusionPair)
        ]
        if len(places) != 1:
            raise UsageError('Expected one LoadFusionPair in the test '
                             f'pipeline, for max_memory, got {len(places)}.')
        place, = places
        self._before, self._after = steps[:place], steps[place + 1:]
        self._loader: LoadFusionPair = steps[place]
        self._costs: dict[tuple, float] = {}

    def open(self, sample: dict[str, Any]) -> dict[str, Any]:
        """A raw sample, decoded: in the place of the pipeline."""
        results: Any = dict(sample)
        for step in self._before:
            results = step(results)
        images = self._loader.open(results)
        return dict(inputs=OpenPair(sample, results, images))

    def fits(self, pair: OpenPair) -> bool:
        """Whether a pair may be fused as a whole.

        Raises:
            UsageError: If it may not, and cannot be fused in tiles either.
        """
        height, width = pair.shape[1:]
        need = self._need(pair, height * width)
        if need <= self.limit:
            return True
        if self.tiling is None:
            raise UsageError(
                f'{self._why()}, so that tiles would show: expected '
                f'max_memory of at least {told_size(need)} for {width}x'
                f'{height}, got {told_size(self.limit)}. Take a method that '
                'fuses in tiles (docs/large_images.md), or smaller images.')
        least = self.tiling.fixed or (self.tiling.least, ) * 2
        need = self._need(pair, least[0] * least[1])
        if need > self.limit:
            raise UsageError(
                f'Expected max_memory of at least {told_size(need)} for '
                f'{width}x{height} and tiles of {least[1]}x{least[0]}, got '
                f'{told_size(self.limit)}.')
        return False

    def strips(self, pair: OpenPair, save_mode: str = 'round',
               grey: bool = False) -> Iterator[np.ndarray]:
        """The fused image from top to bottom.

        Args:
            pair (OpenPair): The pair, which does not fit.
            save_mode (str): See :func:`.fused_image.to_uint8`.
            grey (bool): Likewise.

        Yields:
            np.ndarray: (h, W, 3) RGB, or (h, W) where grey; ``uint8``.

        Raises:
            UsageError: If the image would be stretched by its minimum and
                maximum, which no tile knows, or a transform changes sizes.
        """
        if save_mode not in ('round', 'trunc'):
            raise UsageError('Expected a save mode of round or trunc for '
                             f'tiles, got {save_mode}, which looks at the '
                             'whole image.')
        assert self.tiling is not None
        height, width = pair.shape[1:]
        tile = self.tiling.tile(pair.shape[1:], self._pixels(pair))
        columns = list(self.tiling.spans(width, tile[1]))
        for row in self.tiling.spans(height, tile[0]):
            first, end = row.kept
            shape = (end - first, width) if grey else (end - first, width, 3)
            strip = np.empty(shape, np.uint8)
            for column in columns:
                sample = self._run(pair, row.seen, column.seen)
                image = to_uint8(sample.fused_img.data, save_mode, grey)
                strip[:, slice(*column.kept)] = image[row.core, column.core]
            yield strip

    def image(self, pair: OpenPair, save_mode: str = 'round',
              grey: bool = False) -> np.ndarray:
        """The fused image; see :meth:`strips`."""
        height, width = pair.shape[1:]
        shape = (height, width) if grey else (height, width, 3)
        image, place = np.empty(shape, np.uint8), 0
        for strip in self.strips(pair, save_mode, grey):
            image[place:place + len(strip)] = strip
            place += len(strip)
        return image

    def save(self, pair: OpenPair, path: PathLike, save_mode: str = 'round',
             grey: bool = False) -> dict[str, Any]:
        """Write the fused image as a PNG, strip by strip; see :meth:`strips`.

        Returns:
            dict: Meta information of the pair.
        """
        write_png(path, self.strips(pair, save_mode, grey), pair.shape[1:])
        sample = self.packed(pair, slice(1), slice(1))['data_samples']
        size = pair.shape[1:]
        return dict(sample.metainfo, ori_shape=size, img_shape=size)

    def _why(self) -> str:
        model = self.model
        name = type(model.fuser).__name__
        if model.registration is not None:
            return 'The registration looks at the whole image'
        norm = model.output_policy.norm
        if norm not in ('clamp', 'none'):
            return f'output_norm={norm!r} looks at the whole image'
        return f'{name} looks at the whole image'

    def packed(
        self, pair: OpenPair, rows: slice = slice(None),
        columns: slice = slice(None)
    ) -> dict[str, Any]:
        """A pair, or a part of it, as the pipeline gives it."""
        images = {
            name: image.window(rows, columns)
            for name, image in pair.images.items()
        }
        results: Any = self._loader.add(dict(pair.results), images)
        for step in self._after:
            results = step(results)
        return results

    @torch.no_grad()
    def _run(self, pair: OpenPair, rows: slice,
             columns: slice) -> FusionDataSample:
        part = self.packed(pair, rows, columns)
        found = tuple(part['inputs'].shape[1:])
        size = tuple(
            len(range(side)[place])
            for side, place in zip(pair.shape[1:], (rows,
                                                    columns), strict=True))
        if found != size:
            raise UsageError(
                'Expected a test pipeline that leaves the size of images, '
                f'for max_memory, got {found} of {size}.')
        data = pseudo_collate([part])
        model = for_sources(self.model, len(pair.images))
        data = model.data_preprocessor(data, False)
        return model.predict_fused(**data)[0]

    def _need(self, pair: OpenPair, pixels: int) -> float:
        """Memory of a pair of which so many pixels run at once."""
        return self._held(pair) + pixels * self._cost(pair)

    def _held(self, pair: OpenPair) -> int:
        """What the images take where the limit is."""
        return 0 if self._device.type == 'cuda' else pair.nbytes

    def _pixels(self, pair: OpenPair) -> float:
        return (self.limit - self._held(pair)) / self._cost(pair)

    @property
    def _device(self) -> torch.device:
        return torch.device(self.model.data_preprocessor.device)

    def _cost(self, pair: OpenPair) -> float:
        """Bytes a pixel that runs, of images of such types."""
        key = tuple(str(x.stored.dtype) for x in pair.images.values())
        if key not in self._costs:
            self._costs[key] = self._measured(pair, self.tiling)
        return self._costs[key]

    def _measured(self, pair: OpenPair, tiling: Tiling | None) -> float:
        if tiling is not None and tiling.fixed:
            rows, columns = map(slice, tiling.fixed)
        else:
            rows = columns = slice(_PROBE)
        # what is loaded, compiled or kept at the first call is no tile's
        sample = self._run(pair, rows, columns)
        meter = peak_meter(self._device)
        to_uint8(self._run(pair, rows, columns).fused_img.data)
        found = meter.peak()
        if not np.isfinite(found):
            return _UNKNOWN
        height, width = sample.fused_img.data.shape[1:]
        return max(found * _MARGIN / (height * width), _LEAST)
