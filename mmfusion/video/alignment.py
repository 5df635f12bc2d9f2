"""Frames of two streams that belong together: rates, an offset, cameras."""
import math
import threading
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from .sources import Frame, FrameSource

#: seconds between two looks at whether a source has ended
_PATIENCE = 0.1
#: seconds of a camera's frames to keep, at least: the other one's lag
_LAG = 0.2


@dataclass
class FramePair:
    """What belongs together.

    Attributes:
        index (int): Number of the pair.
        time (float): Seconds since the start of the visible stream; of
            cameras, since both have given a frame.
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
        self.now: Frame | None = next(self.frames, None)
        self.next: Frame | None = next(self.frames, None)

    def at(self, when: float) -> Frame | None:
        """The frame nearest to ``when``; None after the end."""
        while self.next is not None and (abs(self.next.time - when)
                                         <= abs(self.now.time - when)):
            self.now, self.next = self.next, next(self.frames, None)
        if self.now is not None and self.next is None and (
                when > self.now.time + self.half + 1e-9):
            self.now = None
        return self.now


def align(vis: FrameSource, ir: FrameSource, fps: float | None = None,
          offset: float = 0.) -> Iterator[FramePair]:
    """Pair the frames of two streams that are nearest in time.

    Begins where both streams have frames (the number of the first pair says
    how many were left out) and ends with the shorter one.

    Of two cameras, the slower one's newest frame is paired with the other
    one's that is nearest in time, at the ticks of a clock of ``fps``. Ticks
    at which one of them has nothing new, and those that pass while the
    caller is busy, are missing among the numbers. A file beside a camera
    runs at its own pace. Cameras are closed at the end.

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
        yield from _align_live(vis, ir, fps or vis.fps, offset)
        return
    step = 1 / (fps or vis.fps)
    visible, infrared = _Nearest(vis), _Nearest(ir)
    index = max(0, math.ceil((-offset - infrared.half) / step - 1e-9))
    while True:
        when = index * step
        pair = visible.at(when), infrared.at(when + offset)
        if pair[0] is None or pair[1] is None:
            return
        yield FramePair(index, when, *pair)
        index += 1


class _Recent:
    """What a camera showed last, collected by a thread.

    Args:
        source (FrameSource): A live source.
        span (float): Seconds of frames to keep.
    """

    def __init__(self, source: FrameSource, span: float) -> None:
        self.source, self.span = source, span
        self.frames: deque = deque()
        self.ended = False
        self.error: BaseException | None = None
        self.changed = threading.Condition()
        self.thread = threading.Thread(target=self._collect, daemon=True)
        self.thread.start()

    def _collect(self) -> None:
        try:
            for frame in self.source:
                with self.changed:
                    self.frames.append(frame)
                    while self.frames[0].time < frame.time - self.span:
                        self.frames.popleft()
                    self.changed.notify_all()
        except BaseException as error:  # reaches the reader's thread
            self.error = error
        finally:
            with self.changed:
                self.ended = True
                self.changed.notify_all()

    def wait(self) -> bool:
        """For the first frame; False if none will come."""
        with self.changed:
            self.changed.wait_for(lambda: self.frames or self.ended)
            return bool(self.frames)

    def newest(self) -> float:
        """Time of the newest frame."""
        with self.changed:
            return self.frames[-1].time

    def at(self, when: float) -> Frame:
        """The frame nearest to ``when``."""
        with self.changed:
            return min(self.frames, key=lambda x: abs(x.time - when))

    def close(self) -> None:
        """Close the source, which ends the thread."""
        self.source.close()
        self.thread.join(timeout=5)


class _Played:
    """A file beside a camera: it runs at its own pace from the start on."""

    error: BaseException | None = None

    def __init__(self, source: FrameSource) -> None:
        self.nearest = _Nearest(source)
        self.start = time.monotonic()

    @property
    def ended(self) -> bool:
        return self.nearest.now is None

    def wait(self) -> bool:
        self.start = time.monotonic()
        return not self.ended

    def newest(self) -> float:
        return time.monotonic()

    def at(self, when: float) -> Frame | None:
        return self.nearest.at(when - self.start)

    def close(self) -> None:
        """Nothing to close."""


_Side = _Recent | _Played


def _align_live(vis: FrameSource, ir: FrameSource, fps: float,
                offset: float) -> Iterator[FramePair]:
    """Pairs of which at least one side is live; see :func:`align`."""
    span = abs(offset) + max(_LAG, 1.5 / vis.fps + 1.5 / ir.fps)
    sides = [
        _Recent(source, span) if source.live else _Played(source)
        for source in (vis, ir)
    ]
    try:
        if all([side.wait() for side in sides]):
            yield from _ticks(*sides, fps, offset)
    finally:
        for side in sides:
            side.close()
    for side in sides:
        if side.error is not None:
            raise side.error


def _ticks(first: _Side, second: _Side, fps: float,
           offset: float) -> Iterator[FramePair]:
    start, tick, last = time.monotonic(), 0, (-1, -1)
    while True:
        tick = max(tick, int((time.monotonic() - start) * fps))
        _sleep_until(start + tick / fps, first, second)
        ended = first.ended or second.ended
        # the slower one decides; of the other, the frame of that time
        when = min(first.newest(), second.newest() - offset)
        pair = first.at(when), second.at(when + offset)
        if None in pair:
            return
        numbers = pair[0].index, pair[1].index
        if numbers[0] != last[0] and numbers[1] != last[1]:
            yield FramePair(tick, tick / fps, *pair)
            last = numbers
        if ended:
            return
        tick += 1


def _sleep_until(when: float, first: _Side, second: _Side) -> None:
    while not (first.ended or second.ended):
        left = when - time.monotonic()
        if left <= 0:
            return
        time.sleep(min(left, _PATIENCE))
