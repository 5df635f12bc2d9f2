"""Two videos to one: decode, align, fuse and encode side by side."""
import queue
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from torch import nn

from mmfusion.apis.pairs import inference_pipeline
from mmfusion.fileio import PairReading, resize_image
from mmfusion.fileio.paths import check_outputs
from mmfusion.fileio.reading import AUTO, tell_again
from mmfusion.fileio.registering import register_images
from mmfusion.utils.errors import UsageError
from mmfusion.utils.interruption import StopRequest, stop_request
from mmfusion.utils.loading_steps import stated_loading

from .alignment import FramePair, align
from .fusing import FrameFuser
from .geometry import fit_infrared, read_homography
from .sinks import FusedFrame, Sink, Window
from .sources import FrameSource, open_source
from .statistics import StreamStatistics
from .temporal import FlickerMeter, MotionTracker, TemporalBlend
from .writers import VideoWriter

Source = str | int | Path | FrameSource
_END = object()
#: seconds between two looks at the queue and at whether to stop
_PAUSE = 0.002
#: seconds in which a reader may end after a signal
_LEAVE = 1


@dataclass
class _Pair:
    """A pair ready for the network."""
    index: int
    time: float
    vis: np.ndarray
    inputs: torch.Tensor
    born: float


@dataclass(frozen=True)
class StreamOptions:
    """How a stream is read and fused.

    Attributes:
        fps (float, optional): Of the result; defaults to the visible
            stream's.
        source_fps (float, optional): Overrules what both sources say; of
            folders 25 is assumed.
        offset (float): Seconds by which the infrared stream is late.
        homography (np.ndarray, optional): (3, 3), infrared to visible
            pixels.
        batch_size (int): Frames that run together. 1 has the least latency.
        norm (str): See :class:`FrameFuser`.
        momentum (float): See :class:`SteadyRange`.
        blend (float): Strength of :class:`TemporalBlend`; 0 is off.
        flicker (bool): Whether to measure flicker (costs optical flow).
        limit (int, optional): Most frames to fuse.
        queue_size (int): Pairs of files that wait for the network, at
            least.

    Raises:
        UsageError: If a number is out of range.
    """
    fps: float | None = None
    source_fps: float | None = None
    offset: float = 0.
    homography: np.ndarray | None = None
    batch_size: int = 1
    norm: str = 'auto'
    momentum: float = 0.95
    blend: float = 0.
    flicker: bool = False
    limit: int | None = None
    queue_size: int = 4

    def __post_init__(self) -> None:
        if self.batch_size < 1 or self.queue_size < 1:
            raise UsageError('Expected a batch and queue of at least 1, got '
                             f'{self.batch_size} and {self.queue_size}.')
        for name in ('fps', 'source_fps'):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise UsageError(f'Expected {name} above 0, got {value}.')


class FusionStream:
    """Fuses two streams of frames.

    A thread decodes, aligns and prepares, the caller's thread fuses, and in
    :meth:`run` another one makes 8-bit images and encodes; the queues
    between them are short. A frame that cannot be decoded is replaced by
    the one before of its stream, and counted; pairs before the first good
    frames are dropped, and visible frames before the infrared stream
    begins left out.

    Of cameras the newest frames are fused, and a file keeps real time: see
    :func:`align`; frames that :meth:`run` writes again are counted.

    Args:
        model (nn.Module): Of ``init_model``, also of an exported file.
        vis: Visible source, see :func:`open_source`.
        ir: Infrared source.
        segmenter (nn.Module, optional): See :class:`FrameFuser`.
        options: See :class:`StreamOptions`.

    Examples:
        >>> from mmfusion.apis import init_model
        >>> model = init_model('mmfusion::fusers/laplacian_pyramid.py')
        >>> stream = FusionStream(model, 'data/vi', 'data/ir')
        >>> stream.run(out='fused.mp4')['frames']
        2

    Raises:
        FileNotFoundError: If a source is missing.
        UsageError: If a source or argument does not fit.
    """

    def __init__(self, model: nn.Module, vis: Source, ir: Source,
                 segmenter: nn.Module | None = None, **options) -> None:
        self.options = how = StreamOptions(**options)
        self.fuser = FrameFuser(model, segmenter, how.norm, how.momentum)
        self.blend = TemporalBlend(how.blend) if how.blend else None
        self.meters = dict(visible=FlickerMeter(),
                           fused=FlickerMeter()) if how.flicker else {}
        self.tracker = MotionTracker() if how.blend or how.flicker else None
        self._stop = threading.Event()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._started = False
        self._error: BaseException | None = None
        self._held: Any = None
        self.reading = PairReading(
            **stated_loading(inference_pipeline(getattr(model, 'cfg', None))))
        self._homography = how.homography
        if how.homography is None and self.reading.register not in (None,
                                                                    AUTO):
            self._homography = read_homography(self.reading.register)
        tell_again()
        self._request = StopRequest()
        self.vis = open_source(vis, how.source_fps, self.reading, 3)
        try:
            self.ir = open_source(ir, how.source_fps, self.reading, 1)
        except BaseException:
            self.vis.close()
            raise
        self.fps = how.fps or self.vis.fps
        self.live = self.vis.live or self.ir.live
        self.statistics = StreamStatistics(self.live)
        # in C: an interrupt cannot leave it locked
        self._ready: queue.SimpleQueue = queue.SimpleQueue()
        self._size = (how.batch_size if self.live else max(
            how.queue_size, how.batch_size))

    def __iter__(self) -> Iterator[FusedFrame]:
        """Fuse frame by frame; can be done once.

        Raises:
            RuntimeError: If it is done again.
            Exception: What went wrong while reading or fusing.
        """
        self._begin()
        return self._frames()

    def _begin(self) -> None:
        if self._started:
            raise RuntimeError('Expected to be iterated over once: the '
                               'sources are closed. Make another stream.')
        self._started = True

    def _frames(self) -> Iterator[FusedFrame]:
        try:
            yield from self._fused()
        finally:
            self._close()

    def _fused(self) -> Iterator[FusedFrame]:
        self.statistics.start()
        self._reader.start()
        while not self._request:
            with self.statistics.timed('wait'):
                batch = self._take()
            if not batch:
                break
            yield from self._fuse(batch)
        if self._error is not None:
            raise self._error

    def _close(self) -> None:
        """End the reader and its sources."""
        self._stop.set()
        sources = self.vis, self.ir
        for source in sources:
            if source.live:  # wakes a reader that waits for a camera
                source.close()
        if self._reader.ident is not None:
            # after a signal, a read of a dead stream is not waited for
            self._reader.join(_LEAVE if self._request else None)
        if not self._reader.is_alive():
            for source in sources:
                source.close()
        self.statistics.corrupt_vis += self.vis.failed
        self.statistics.corrupt_ir += self.ir.failed

    def run(self, out: str | Path | None = None, show: bool = False,
            on_frame: Callable[[FusedFrame], None] | None = None,
            overwrite: bool = False) -> dict[str, Any]:
        """Fuse all frames into a file, a window, or both.

        Ctrl-C, SIGTERM and the key q in the window end it; what was fused
        until then is in the file, which is complete.

        Args:
            out (str | Path, optional): See :class:`VideoWriter`.
            show (bool): Whether to open a window.
            on_frame (callable, optional): Called with each frame.
            overwrite (bool): Whether to replace frames in a folder that
                this package has not written.

        Raises:
            UsageError: If ``out`` is a source, or has foreign frames.

        Returns:
            dict: See :meth:`StreamStatistics.result`; with ``flicker`` of
            the visible and the fused video where it is measured.
        """
        if out is not None:
            check_outputs([(out, (self.vis.name, self.ir.name))])
            check_outputs(
                ((path, ()) for path in Path(out).glob(f'{"[0-9]" * 6}.png')),
                overwrite=overwrite)
        window = Window() if show else None
        writer = None if out is None else VideoWriter(out, self.fps)
        self._begin()
        sink = Sink(writer, self.statistics)
        with stop_request() as self._request:
            try:
                for frame in self._fused():
                    sink.put(frame)
                    if on_frame is not None:
                        on_frame(frame)
                    if self._request or (window is not None
                                         and not window.show(frame.shown)):
                        break
            except KeyboardInterrupt:
                self.statistics.interrupted = True
            finally:
                try:
                    sink.close()  # first: sources may take long to end
                finally:
                    self._close()
                    if window is not None:
                        window.close()
            self.statistics.interrupted |= bool(self._request)
        result = self.statistics.result()
        if self.meters:
            result['flicker'] = {
                name: meter.result() for name, meter in self.meters.items()
            }
        return result

    # reading, in its own thread

    def _read(self) -> None:
        try:
            for pair in self._pairs():
                if not self._wait_for_room():
                    return
                self._ready.put(pair)
        except BaseException as error:  # reaches the caller's thread
            self._error = error
        finally:
            self._ready.put(_END)

    def _pairs(self) -> Iterator[_Pair]:
        source = align(self.vis, self.ir, self.fps, self.options.offset)
        vis = ir = None
        numbers = (-1, -1)
        count = 0
        while not self._stop.is_set() and count != self.options.limit:
            if self.live:
                self._wait_for_room()
            with self.statistics.timed('read'):
                pair = next(source, None)
                if pair is None:
                    return
                if numbers == (-1, -1):
                    self.statistics.unpaired = pair.index * (not self.live)
                fresh = pair.vis.index, pair.ir.index
                self._count_corrupt(pair, fresh, numbers)
                numbers = fresh
                vis = vis if pair.vis.image is None else pair.vis.image
                ir = ir if pair.ir.image is None else pair.ir.image
                if vis is None or ir is None:
                    self.statistics.dropped += 1
                    continue
                if pair.vis.image is None or pair.ir.image is None:
                    self.statistics.repeated += 1
            born = time.perf_counter()
            with self.statistics.timed('prepare'):
                shown = self._visible(vis, ir)
                inputs = self.fuser.prepare(
                    shown,
                    fit_infrared(ir, shown.shape[:2], self._matrix(vis, ir)))
            count += 1
            yield _Pair(pair.index, pair.time, shown, inputs, born)

    def _matrix(self, vis: np.ndarray, ir: np.ndarray) -> np.ndarray | None:
        """Infrared to visible pixels, found in the first pair if asked."""
        if self._homography is None and self.reading.register == AUTO:
            self._homography = register_images(vis, ir).matrix
        return self._homography

    def _visible(self, vis: np.ndarray, ir: np.ndarray) -> np.ndarray:
        """In colour and, where it is to be, of the infrared frame's size."""
        if vis.ndim == 2:
            vis = cv2.cvtColor(vis, cv2.COLOR_GRAY2BGR)
        first = next(iter(self.fuser.model.roles.task.modalities))
        if (self.reading.on_size_mismatch == f'resize_{first}'
                and self.options.homography is None
                and self.reading.register is None
                and vis.shape[:2] != ir.shape[:2]):
            vis = resize_image(vis, ir.shape[:2])
        return vis

    def _wait_for_room(self) -> bool:
        """So that what waits for the network is not old; False: stopped."""
        while self._ready.qsize() >= self._size and not self._stop.is_set():
            time.sleep(_PAUSE)
        return not self._stop.is_set()

    def _count_corrupt(self, pair: FramePair, fresh: tuple,
                       before: tuple) -> None:
        if pair.vis.image is None and fresh[0] != before[0]:
            self.statistics.corrupt_vis += 1
        if pair.ir.image is None and fresh[1] != before[1]:
            self.statistics.corrupt_ir += 1

    # fusing, in the caller's thread

    def _take(self) -> list[_Pair]:
        """The next pairs of one size; none at the end."""
        batch: list[_Pair] = []
        while len(batch) < self.options.batch_size:
            item = self._next()
            if item is _END:
                self._held = _END
                break
            if batch and item.vis.shape != batch[0].vis.shape:
                self._held = item
                break
            batch.append(item)
        return batch

    def _next(self) -> Any:
        item, self._held = self._held, None
        if item is not None:
            return item
        while not self._request:
            try:
                return self._ready.get_nowait()
            except queue.Empty:
                # a get with a timeout may wait for ever after a signal
                time.sleep(_PAUSE)
        return _END

    def _fuse(self, batch: list[_Pair]) -> Iterator[FusedFrame]:
        with self._request.breaking_off():
            result = self.fuser([pair.inputs for pair in batch],
                                batch[0].vis.shape[:2], self.statistics)
        for number, pair in enumerate(batch):
            image = result.images[number]
            if self.tracker is not None:
                with self.statistics.timed('finish'):
                    image = self._steady(pair, image)
            labels = None if result.labels is None else result.labels[number]
            self.statistics.arrived(pair.born)
            yield FusedFrame(pair.index, pair.time, image, labels,
                             self.fuser.draw)

    def _steady(self, pair: _Pair, image: torch.Tensor) -> torch.Tensor:
        motion = self.tracker(pair.vis)
        image = image.float().clamp(0, 1).cpu()
        if self.blend is not None:
            image = self.blend(image, motion)
        if self.meters:
            vis = torch.from_numpy(pair.vis[..., ::-1].copy())
            self.meters['visible'].update(
                vis.permute(2, 0, 1).float() / 255, motion)
            self.meters['fused'].update(image, motion)
        return image
