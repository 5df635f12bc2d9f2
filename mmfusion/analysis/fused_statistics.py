"""Mean and standard deviation of fused images.

A segmentor behind a frozen fuser, or one trained on fused files, wants the
statistics of *these* images (``task_mean``, ``task_std``), not ImageNet's.
"""
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from torch import nn

from mmfusion.apis.fused_image import to_uint8
from mmfusion.apis.inferencer import fuse_samples
from mmfusion.apis.pairs import Pair, PairReader
from mmfusion.fileio import FileRule, read_image
from mmfusion.structures import FusionDataSample
from mmfusion.utils.errors import UsageError
from mmfusion.utils.progress import track


class ChannelStatistics:
    """Mean and deviation of all pixels of a stream of images.

    Sums are kept in float64: exact for 8-bit images, whatever their number.
    """

    def __init__(self) -> None:
        self.pixels = 0
        self._sum = np.zeros(3)
        self._squares = np.zeros(3)

    def add(self, image: np.ndarray) -> None:
        """Add one RGB image (H, W, 3), ``uint8``."""
        pixels = image.reshape(-1, 3).astype(np.float64)
        self.pixels += len(pixels)
        self._sum += pixels.sum(axis=0)
        self._squares += np.square(pixels).sum(axis=0)

    def result(self) -> tuple[list[float], list[float]]:
        """Mean and (population) standard deviation, RGB on 0-255.

        Raises:
            UsageError: If no image was added.
        """
        if not self.pixels:
            raise UsageError('Expected at least one image, got none.')
        mean = self._sum / self.pixels
        variance = np.maximum(self._squares / self.pixels - mean**2, 0)
        return mean.tolist(), np.sqrt(variance).tolist()


def read_folder(folder: str) -> Iterator[np.ndarray]:
    """RGB images of a folder and its sub-folders, with a progress bar.

    Raises:
        FileNotFoundError: If there is no such folder.
        UsageError: If it holds no image.
    """
    try:
        paths = FileRule().list(folder, '--images')
    except ValueError as error:
        raise UsageError(str(error)) from error
    for path in track(paths.values(), len(paths)):
        image = read_image(str(Path(path)), cv2.IMREAD_COLOR)
        yield cv2.cvtColor(image, cv2.COLOR_BGR2RGB)


def fuse_all(model: nn.Module, reader: PairReader,
             num_workers: int = 0) -> Iterator[np.ndarray]:
    """Fused RGB images of all pairs, with a progress bar.

    Raises:
        UsageError: If a pair cannot be read or fused.
    """

    def run(pairs: list[Pair]) -> list[FusionDataSample]:
        return fuse_samples(model, [pair.item for pair in pairs])

    for pair in track(reader.run(run, num_workers=num_workers), len(reader)):
        if pair.failure:
            raise UsageError(': '.join(pair.failure)) from pair.error
        yield to_uint8(pair.result.fused_img.data)
