"""What happens to fused frames: encoding in a thread, a window."""
import os
import queue
import sys
import threading
from collections.abc import Callable
from functools import cached_property

import cv2
import numpy as np
import torch

from mmfusion.apis.fused_image import to_uint8
from mmfusion.utils.errors import UsageError

from .statistics import StreamStatistics
from .writers import VideoWriter

_END = object()


class FusedFrame:
    """One result; 8-bit images are made where they are first asked for.

    Args:
        index (int): Number of the pair.
        time (float): Seconds since the start.
        image (Tensor): (3, H, W) RGB, nominally in [0, 1].
        classes (Tensor, optional): (H, W), of a model that segments.
        draw (callable, optional): Labels over a fused frame.
    """

    def __init__(self, index: int, time: float, image: torch.Tensor,
                 classes: torch.Tensor | None = None,
                 draw: Callable | None = None) -> None:
        self.index, self.time = index, time
        self._image: torch.Tensor | None = image
        self._classes, self._draw = classes, draw
        self._lock = threading.Lock()

    @cached_property
    def fused(self) -> np.ndarray:
        """(H, W, 3) RGB uint8."""
        with self._lock:
            if self._image is not None:
                self._array, self._image = to_uint8(self._image), None
            return self._array

    @cached_property
    def labels(self) -> np.ndarray | None:
        """(H, W) uint8, of a model that segments."""
        if self._classes is None:
            return None
        return self._classes.to(torch.uint8).cpu().numpy()

    @cached_property
    def shown(self) -> np.ndarray:
        """``fused``, with the labels over it if there are any."""
        if self.labels is None:
            return self.fused
        return self._draw(self.fused, self.labels)


class Sink:
    """Encodes in its own thread, behind a short queue.

    Where numbers of frames are missing (cameras slower than the clock, or
    fusing), the one before is written again: the file keeps real time.
    """

    def __init__(self, writer: VideoWriter | None,
                 statistics: StreamStatistics) -> None:
        self.writer, self.statistics = writer, statistics
        self.error: BaseException | None = None
        self.frames: queue.Queue = queue.Queue(2)
        self.thread = None
        if writer is not None:
            self.thread = threading.Thread(target=self._run, daemon=True)
            self.thread.start()

    def put(self, frame: FusedFrame) -> None:
        """Let a frame be written."""
        if self.error is not None:
            raise self.error
        if self.thread is not None:
            self.frames.put(frame)

    def _run(self) -> None:
        before: FusedFrame | None = None
        while True:
            frame = self.frames.get()
            if frame is _END:
                return
            if self.error is not None:
                continue  # keeps the queue moving
            try:
                with self.statistics.timed('write'):
                    if before is not None:
                        for _ in range(before.index + 1, frame.index):
                            self.writer.write(before.shown)
                            self.statistics.refilled += 1
                    self.writer.write(frame.shown)
            except BaseException as error:  # reaches the caller's thread
                self.error = error
            before = frame

    def close(self) -> None:
        """Write what waits, then close the file.

        What was written before an error is kept.
        """
        if self.thread is None:
            return
        self.frames.put(_END)
        self.thread.join()
        self.writer.close(complete=self.writer.count > 0)
        self.statistics.resized = self.writer.resized
        if self.error is not None:
            raise self.error


class Window:
    """Shows frames until q or Escape is pressed.

    Raises:
        UsageError: If there is no display, or OpenCV opens no windows.
    """
    TITLE = 'mmfusion'

    def __init__(self) -> None:
        # without one, Qt would end the process
        places = ('DISPLAY', 'WAYLAND_DISPLAY', 'QT_QPA_PLATFORM')
        if sys.platform.startswith('linux') and not any(
                map(os.environ.get, places)):
            raise UsageError('Expected a display to show frames on, got '
                             'neither DISPLAY nor WAYLAND_DISPLAY. Write a '
                             'file, or connect with ssh -X.')
        self.open = False

    def show(self, image: np.ndarray) -> bool:
        """Show a frame, RGB; False if the user has had enough."""
        try:
            cv2.imshow(self.TITLE, image[..., ::-1])
        except cv2.error as error:
            raise UsageError('Expected an OpenCV that opens windows, got '
                             f'{cv2.__version__} without. Write a file, or '
                             'install opencv-python.') from error
        self.open = True
        return cv2.waitKey(1) & 0xFF not in (ord('q'), 27)

    def close(self) -> None:
        """Close it, if anything was shown."""
        if self.open:
            cv2.destroyWindow(self.TITLE)
