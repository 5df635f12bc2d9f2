"""Where fused frames go: a video file, a folder, a window."""
import os
from pathlib import Path

import cv2
import numpy as np

from mmfusion.utils.errors import UsageError
from mmfusion.utils.files import draft_of, opencv_path, write_image
from mmfusion.utils.interruption import removed_in_the_end

from .recording import Recording

CODECS = {'.mp4': 'mp4v', '.mov': 'mp4v', '.mkv': 'mp4v', '.avi': 'MJPG'}


class VideoWriter:
    """Writes frames; the file appears when it is complete and closed.

    A process that is killed meanwhile leaves ``NAME.PID.part.avi`` with all
    frames up to then.

    Video files have even sides: of odd ones, the last row or column is
    written twice (codecs would leave it out). Frames of another size than
    the first are resized to it and counted; in a folder they keep theirs.

    Args:
        path (str | Path): ``.mp4``, ``.mov``, ``.mkv``, ``.avi``, or a
            folder (no suffix) that gets ``000000.png`` and so on.
        fps (float): Frames a second.

    Attributes:
        count (int): Frames written.
        resized (int): Those that had another size.

    Raises:
        UsageError: On another suffix, or a video's path that is no UTF-8.
    """

    def __init__(self, path: str | Path, fps: float) -> None:
        self.path, self.fps = Path(path), fps
        if self.path.suffix and self.path.suffix.lower() not in CODECS:
            raise UsageError(
                f'Expected a video of {", ".join(CODECS)} or a folder to '
                f'write to, got {str(path)!r}.')
        if self.path.suffix:
            opencv_path(self.path)
        self.count = self.resized = 0
        self.size: tuple | None = None
        self._writer: cv2.VideoWriter | Recording | None = None
        self._draft = draft_of(self.path)
        name = self._draft.name.removeprefix('.')
        self._kept = self.path.with_name(name).with_suffix('.avi')

    def write(self, frame: np.ndarray) -> None:
        """Add a frame, (H, W, 3) RGB uint8."""
        if not self.path.suffix:
            write_image(self.path / f'{self.count:06d}.png', frame)
        else:
            if self._writer is None:
                self._open(frame.shape[1::-1])
            self._writer.write(
                cv2.cvtColor(self._fit(frame), cv2.COLOR_RGB2BGR))
        self.count += 1

    def _fit(self, frame: np.ndarray) -> np.ndarray:
        if frame.shape[1::-1] != self.size:
            self.resized += 1
            frame = cv2.resize(frame, self.size,
                               interpolation=cv2.INTER_LINEAR)
        odd = [side % 2 for side in frame.shape[:2]]
        if any(odd):
            frame = cv2.copyMakeBorder(frame, 0, odd[0], 0, odd[1],
                                       cv2.BORDER_REPLICATE)
        return frame

    def _open(self, size: tuple) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        code = cv2.VideoWriter_fourcc(*CODECS[self.path.suffix.lower()])
        how = code, self.fps, tuple(side + side % 2 for side in size)
        try:
            self._writer = Recording(self._kept, self._draft, *how)
        except NotImplementedError:
            self._writer = cv2.VideoWriter(str(self._draft), *how)
            if not self._writer.isOpened():
                self._draft.unlink(missing_ok=True)
                raise UsageError(
                    f'Expected an OpenCV that writes {self.path.suffix}, got '
                    'one that does not. Write .avi, or a folder.') from None
        self.size = size

    def close(self, complete: bool = True) -> None:
        """Finish the file and give it its name.

        Args:
            complete (bool): False throws a file away that writing to
                failed.

        Raises:
            OSError: If it could not be finished; names what is kept.
        """
        if self._writer is None:
            return
        writer, self._writer = self._writer, None
        with removed_in_the_end(self._draft):
            writer.release()
            if complete:
                os.replace(self._draft, self.path)
            else:
                self._draft.unlink(missing_ok=True)
