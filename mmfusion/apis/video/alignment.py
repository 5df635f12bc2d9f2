"""Two streams in step: frame rates, an offset, and geometry."""
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Iterator, Optional, Union

import cv2
import numpy as np

from mmfusion.apis.errors import UsageError

from .sources import Frame, FrameSource


@dataclass
class FramePair:
    """What belongs together.

    Attributes:
        index (int): Number of the pair.
        time (float): Seconds since the start of the visible stream.
        vis (Frame): Of the visible stream.
        ir (Frame): Of the infrared stream.
    """
    index: int
    time: float
    vis: Frame
    ir: Frame


class _Nearest:
    """Walks through a source and gives the frame next to a time."""

    def __init__(self, source: FrameSource) -> None:
        self.frames = iter(source)
        self.half = 0.5 / source.fps
        self.now: Optional[Frame] = next(self.frames, None)
        self.next: Optional[Frame] = next(self.frames, None)

    def at(self, when: float) -> Optional[Frame]:
        """The frame nearest to ``when``; None after the end."""
        while self.next is not None and (
                abs(self.next.time - when) <= abs(self.now.time - when)):
            self.now, self.next = self.next, next(self.frames, None)
        over = self.now is None or (
            self.next is None and when > self.now.time + self.half + 1e-9)
        return None if over else self.now


def align(vis: FrameSource,
          ir: FrameSource,
          fps: Optional[float] = None,
          offset: float = 0.) -> Iterator[FramePair]:
    """Pair the frames of two streams that are nearest in time.

    Ends with the shorter stream. Of two cameras the newest frames are
    paired as they come.

    Args:
        vis (FrameSource): Visible frames.
        ir (FrameSource): Infrared frames.
        fps (float, optional): Of the pairs; defaults to the visible
            stream's.
        offset (float): Seconds by which the infrared stream is late: what
            it shows at ``t + offset`` belongs to the visible frame at
            ``t``.

    Yields:
        FramePair: In order.
    """
    if vis.live or ir.live:
        for index, (a, b) in enumerate(zip(vis, ir, strict=False)):
            yield FramePair(index, a.time, a, b)
        return
    step = 1 / (fps or vis.fps)
    visible, infrared = _Nearest(vis), _Nearest(ir)
    index = 0
    while True:
        when = index * step
        pair = visible.at(when), infrared.at(when + offset)
        if pair[0] is None or pair[1] is None:
            return
        yield FramePair(index, when, *pair)
        index += 1


def read_homography(path: Union[str, Path]) -> np.ndarray:
    """Matrix that maps pixels of the infrared to the visible image.

    Args:
        path (str | Path): ``.npy``, ``.json`` (nested lists), or text with
            nine numbers.

    Returns:
        np.ndarray: (3, 3) float64.

    Raises:
        FileNotFoundError: If there is no such file.
        UsageError: If it does not hold an invertible 3x3 matrix.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f'Expected a file with a 3x3 matrix, got '
                                f'{str(path)!r}, which does not exist.')
    try:
        if path.suffix == '.npy':
            matrix = np.load(path, allow_pickle=False)
        elif path.suffix == '.json':
            matrix = np.array(json.loads(path.read_text()))
        else:
            text = path.read_text().replace(',', ' ')
            matrix = np.array(text.split(), dtype=float)
        matrix = matrix.astype(np.float64).reshape(3, 3)
        good = np.isfinite(matrix).all() and abs(np.linalg.det(matrix)) > 1e-9
    except (ValueError, TypeError) as error:
        raise UsageError(f'Expected nine numbers in {path}, got: '
                         f'{error}.') from error
    if not good:
        raise UsageError(f'Expected an invertible matrix in {path}, got '
                         f'{matrix.tolist()}.')
    return matrix


def fit_infrared(ir: np.ndarray,
                 size: tuple,
                 homography: Optional[np.ndarray] = None) -> np.ndarray:
    """Bring an infrared frame into the visible frame's pixels.

    Args:
        ir (np.ndarray): uint8, (h, w) or (h, w, 3).
        size (tuple[int, int]): Height and width of the visible frame.
        homography (np.ndarray, optional): See :func:`read_homography`;
            without it, another size is stretched.

    Returns:
        np.ndarray: uint8, (H, W).
    """
    if ir.ndim == 3:
        ir = cv2.cvtColor(ir, cv2.COLOR_BGR2GRAY)
    height, width = size
    if homography is not None:
        return cv2.warpPerspective(
            ir, homography, (width, height), flags=cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REPLICATE)
    if ir.shape != (height, width):
        ir = cv2.resize(ir, (width, height), interpolation=cv2.INTER_LINEAR)
    return ir
