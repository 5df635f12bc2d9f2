"""Frames of a video file, a folder of images or a camera."""
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from mmfusion.fileio import IMG_SUFFIXES, PairReading, image_files, to_bytes
from mmfusion.utils.errors import UsageError
from mmfusion.utils.files import opencv_path
from mmfusion.utils.progress import announce

#: failed reads in a row after which a stream counts as ended
MAX_FAILURES = 25


@dataclass
class Frame:
    """One frame of a source.

    Attributes:
        index (int): Its number in the source.
        time (float): Seconds since the source's start; of a live source,
            ``time.monotonic()`` when it came: a clock that cameras share.
        image (np.ndarray, optional): uint8, (H, W, 3) BGR or (H, W); None
            of a frame that cannot be decoded.
    """
    index: int
    time: float
    image: np.ndarray | None


class FrameSource:
    """Base of all sources: iterate over it, then :meth:`close` it.

    Attributes:
        fps (float): Frames a second.
        live (bool): Whether frames come at their own pace.
        failed (int): Reads that failed and gave no frame.
        name (str): For messages.
    """
    fps: float = 25.
    live: bool = False
    failed: int = 0
    name: str = 'frames'

    def __iter__(self) -> Iterator[Frame]:
        raise NotImplementedError

    def close(self) -> None:
        """Let go of files and devices."""


class FolderSource(FrameSource):
    """Images of a folder, in natural order of their names.

    Args:
        folder (str | Path): The folder; sub-folders are left out.
        fps (float): Frames a second.
        reading (PairReading, optional): How deep images become 8 bits.
        channels (int, optional): 1 or 3; None leaves them as stored.

    Raises:
        UsageError: If it holds no image.
    """

    def __init__(self, folder: str | Path, fps: float = 25.,
                 reading: PairReading | None = None,
                 channels: int | None = None) -> None:
        self.name, self.fps = str(folder), fps
        self.reading, self.channels = reading or PairReading(), channels
        self.paths = image_files(folder)
        if not self.paths:
            raise UsageError(f'Expected images in {folder}, got none of '
                             f'{", ".join(IMG_SUFFIXES)}.')

    def __iter__(self) -> Iterator[Frame]:
        told = False
        for index, path in enumerate(self.paths):
            try:
                image, = self.reading.read(dict(frame=str(path)),
                                           dict(frame=self.channels)).values()
            except (ValueError, OSError) as error:
                if not told:
                    announce([f'the first frame without an image: {error}'])
                image, told = None, True
            yield Frame(index, index / self.fps,
                        image if image is None else to_bytes(image))


class FileSource(FrameSource):
    """A video file, also behind a URL.

    A frame that fails to decode is given as one without image once a good
    one follows: a file that was cut off ends with its last good frame.

    Args:
        path (str | Path): The file or URL.
        fps (float, optional): Overrules what the file says.
        capture: An opened ``cv2.VideoCapture``, or what behaves like one.

    Raises:
        UsageError: If OpenCV cannot open it, or its name is no UTF-8.
    """

    def __init__(self, path: str | Path, fps: float | None = None,
                 capture=None) -> None:
        self.name = str(path)
        self.capture = capture or cv2.VideoCapture(opencv_path(path))
        if not self.capture.isOpened():
            raise UsageError(
                f'Expected a video that OpenCV reads, got {self.name!r}. '
                'Check the file, or give a folder of images.')
        stated = self.capture.get(cv2.CAP_PROP_FPS)
        self.stated = stated if 0 < stated < 1000 else 25.
        self.fps = fps or self.stated
        #: 0 where the file does not say
        self.count = frame_count(self.capture)

    def __iter__(self) -> Iterator[Frame]:
        index = failures = first = 0
        while failures < MAX_FAILURES:
            good, image = self.capture.read()
            if not good:
                failures += 1
                if 0 < self.count <= index + failures - 1:
                    return
                continue
            # decoders leave out damaged frames: the time stamp tells
            stamp = self.capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
            place = round(stamp * self.stated) - first
            if index == 0:
                first, place = place - failures, failures
            for missing in range(index,
                                 max(index + failures, min(place,
                                                           self.count))):
                yield Frame(missing, missing / self.fps, None)
                index += 1
            failures = 0
            yield Frame(index, index / self.fps, image)
            index += 1

    def close(self) -> None:
        """Close the file."""
        self.capture.release()


def frame_count(capture) -> int:
    """Frames that a ``cv2.VideoCapture`` has in all; 0 if unknown."""
    count = capture.get(cv2.CAP_PROP_FRAME_COUNT)
    # of streams, OpenCV gives negative numbers of any size
    return int(count) if count > 0 else 0


class CameraSource(FrameSource):
    """A camera, of which always the newest frame is taken.

    A thread empties the camera's own buffer, so that slow fusing makes the
    picture jump instead of making it late. Failed reads are left out and
    counted; 25 in a row end the stream.

    Args:
        device (int | str): Number of the camera, or URL of one.
        fps (float, optional): Overrules what the camera says.
        capture: An opened ``cv2.VideoCapture``, or what behaves like one.

    Raises:
        UsageError: If there is no such camera.
    """
    live = True

    def __init__(self, device: int | str, fps: float | None = None,
                 capture=None) -> None:
        self.name = f'camera {device}'
        self.capture = capture or cv2.VideoCapture(device)
        if not self.capture.isOpened():
            raise UsageError(f'Expected a camera {device}, got none. Check '
                             'the number or address and the permissions.')
        stated = self.capture.get(cv2.CAP_PROP_FPS)
        self.fps = fps or (stated if 0 < stated < 1000 else 25.)
        self._changed = threading.Condition()
        self._newest: Frame | None = None
        self._ended = False
        self._thread: threading.Thread | None = None

    def __iter__(self) -> Iterator[Frame]:
        self._thread = threading.Thread(target=self._drain, daemon=True)
        self._thread.start()
        last = -1
        while True:
            with self._changed:
                while not self._ended and (self._newest is None
                                           or self._newest.index <= last):
                    self._changed.wait()
                frame = self._newest
                if frame is None or frame.index <= last:
                    return
            last = frame.index
            yield frame

    def _drain(self) -> None:
        index = failures = 0
        while failures < MAX_FAILURES and not self._ended:
            good, image = self.capture.read()
            if not good:
                failures += 1
                time.sleep(min(1 / self.fps, 0.04))  # some fail at once
                continue
            self.failed, failures = self.failed + failures, 0
            frame = Frame(index, time.monotonic(), image)
            index += 1
            with self._changed:
                self._newest = frame
                self._changed.notify()
        with self._changed:
            self._ended = True
            self._changed.notify()
        # here: no other thread may do so while a read is under way
        self.capture.release()

    def close(self) -> None:
        """Stop the thread, release the camera."""
        with self._changed:
            self._ended = True
            self._changed.notify()
        if self._thread is None:
            self.capture.release()
        else:  # a read of a dead stream takes long: do not wait for it
            self._thread.join(timeout=2)


def open_source(source: str | int | Path | FrameSource,
                fps: float | None = None, reading: PairReading | None = None,
                channels: int | None = None) -> FrameSource:
    """The source that a command line names.

    Args:
        source: A folder, a file, a URL, the number of a camera, or a
            source that is open already. A URL whose number of frames is not
            known (``rtsp://...``) is a camera.
        fps (float, optional): Overrules what the source says; folders have
            25 by default.
        reading (PairReading, optional): See :class:`FolderSource`.
        channels (int, optional): Likewise.

    Returns:
        FrameSource: To be iterated over once.

    Raises:
        FileNotFoundError: If there is no such file or folder.
        UsageError: If it cannot be read.
    """
    if isinstance(source, FrameSource):
        return source
    text = str(source)
    if text.isdecimal() and not Path(text).exists():
        return CameraSource(int(text), fps)
    if Path(text).is_dir():
        return FolderSource(text, fps or 25., reading, channels)
    if '://' in text and not text.startswith('file://'):
        capture = cv2.VideoCapture(opencv_path(text))
        if frame_count(capture):
            return FileSource(text, fps, capture)
        return CameraSource(text, fps, capture)
    if '://' not in text and not Path(text).is_file():
        raise FileNotFoundError(
            f'Expected a video, a folder of images or the number of a '
            f'camera, got {text!r}, which does not exist.')
    return FileSource(text, fps)
