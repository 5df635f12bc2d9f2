"""Where fused frames go: a video file, a folder, a window."""
import os
from pathlib import Path
from typing import Optional, Union

import cv2
import numpy as np

from mmfusion.apis.errors import UsageError
from mmfusion.visualization import write_image

CODECS = {'.mp4': 'mp4v', '.mov': 'mp4v', '.mkv': 'mp4v', '.avi': 'MJPG'}


class VideoWriter:
    """Writes frames; the file appears when it is complete and closed.

    Args:
        path (str | Path): ``.mp4``, ``.mov``, ``.mkv``, ``.avi``, or a
            folder (no suffix) that gets ``000000.png`` and so on.
        fps (float): Frames a second.

    Raises:
        UsageError: On another suffix.
    """

    def __init__(self, path: Union[str, Path], fps: float) -> None:
        self.path, self.fps = Path(path), fps
        if self.path.suffix and self.path.suffix.lower() not in CODECS:
            raise UsageError(
                f'Expected a video of {", ".join(CODECS)} or a folder to '
                f'write to, got {str(path)!r}.')
        self.count = 0
        self.size: Optional[tuple] = None
        self._writer: Optional[cv2.VideoWriter] = None
        self._partial = self.path.with_name(
            f'.{self.path.stem}.{os.getpid()}{self.path.suffix}')

    def write(self, frame: np.ndarray) -> None:
        """Add a frame, (H, W, 3) RGB uint8, of the first one's size."""
        if not self.path.suffix:
            write_image(self.path / f'{self.count:06d}.png', frame)
        else:
            size = frame.shape[1::-1]
            if self._writer is None:
                self._open(size)
            if size != self.size:
                raise UsageError(
                    f'Expected frames of {self.size[0]}x{self.size[1]} '
                    f'pixels throughout, got {size[0]}x{size[1]}.')
            self._writer.write(cv2.cvtColor(frame, cv2.COLOR_RGB2BGR))
        self.count += 1

    def _open(self, size: tuple) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        code = cv2.VideoWriter_fourcc(*CODECS[self.path.suffix.lower()])
        self._writer = cv2.VideoWriter(
            str(self._partial), code, self.fps, size)
        if not self._writer.isOpened():
            self._partial.unlink(missing_ok=True)
            raise UsageError(
                f'Expected an OpenCV that writes {self.path.suffix}, got one '
                'that does not. Write .avi, or a folder.')
        self.size = size

    def close(self, complete: bool = True) -> None:
        """Finish the file and give it its name.

        Args:
            complete (bool): False throws a file away that writing to
                failed.
        """
        if self._writer is None:
            return
        self._writer.release()
        self._writer = None
        if complete:
            os.replace(self._partial, self.path)
        else:
            self._partial.unlink(missing_ok=True)
