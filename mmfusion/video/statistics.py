"""Numbers about a run of a video pipeline."""
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

#: frames whose latencies are kept: memory stays flat on endless streams
KEPT = 4096
STAGES = ('read', 'prepare', 'wait', 'network', 'finish', 'write')
#: what is counted beside frames
COUNTS = dict(corrupt_vis='visible frames not decoded',
              corrupt_ir='infrared frames not decoded',
              repeated='pairs filled from the one before',
              dropped='pairs dropped',
              unpaired='pairs without an infrared frame',
              refilled='frames written again: none was new',
              resized='frames resized to the first one')


class StreamStatistics:
    """Counts, times and latencies, from several threads.

    Each stage is timed by one thread alone, so that no lock is needed.

    Args:
        live (bool): Whether frames come at their own pace: waiting for them
            is then nobody's fault.
    """

    def __init__(self, live: bool = False) -> None:
        self.live = live
        self.frames = 0
        self.corrupt_vis = self.corrupt_ir = 0
        self.repeated = self.dropped = self.unpaired = 0
        self.refilled = self.resized = 0
        self.interrupted = False
        self.seconds = dict.fromkeys(STAGES, 0.)
        self._latencies: list[float] = []
        self._first = self._last = 0.

    @contextmanager
    def timed(self, stage: str) -> Iterator[None]:
        """Add the time of the block to a stage."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[stage] += time.perf_counter() - start

    def start(self) -> None:
        """The clock of the whole run begins."""
        self._first = self._last = time.perf_counter()

    def arrived(self, born: float) -> None:
        """A frame is fused.

        Args:
            born (float): ``time.perf_counter()`` when it had been read.
        """
        self._last = time.perf_counter()
        if len(self._latencies) < KEPT:
            self._latencies.append(self._last - born)
        else:
            self._latencies[self.frames % KEPT] = self._last - born
        self.frames += 1

    def result(self) -> dict[str, Any]:
        """All numbers as plain values.

        Returns:
            dict: ``frames``; ``fps``; ``latency_ms`` with the percentiles
            ``p50``, ``p95``, ``p99`` and ``max`` from decoded to fused;
            ``seconds`` of each stage and of the ``whole``;
            ``network_ms``, of one frame; ``overhead``, see below;
            ``corrupt_vis``, ``corrupt_ir``, ``repeated``, ``dropped``,
            ``unpaired``, ``refilled``, ``resized`` and ``interrupted``.

        Stages run side by side in three threads: ``read`` (decoding; of
        cameras waiting too) and ``prepare``; ``wait`` (for the first
        thread), ``network`` (the model's ``fuse`` and the segmentor alone,
        until the device is done) and ``finish``; ``write``. So what delays
        frames is not their sum: ``overhead`` is the share of the wall time
        in which the network did not run, of cameras without the time in
        which their frames were waited for.
        """
        whole = max(self._last - self._first, 1e-9)
        latency = dict.fromkeys(('p50', 'p95', 'p99', 'max'), float('nan'))
        if self._latencies:
            values = 1000 * np.percentile(self._latencies, (50, 95, 99, 100))
            latency = dict(zip(latency, map(float, values), strict=True))
        network = self.seconds['network']
        busy = whole - self.seconds['wait'] * self.live
        return dict(frames=self.frames, fps=self.frames / whole,
                    latency_ms=latency,
                    network_ms=1000 * network / max(self.frames, 1),
                    seconds=dict(self.seconds, whole=whole),
                    overhead=max(0., 1 - network / max(busy, 1e-9)),
                    **{name: getattr(self, name)
                       for name in COUNTS}, interrupted=self.interrupted)


def summary(result: dict[str, Any]) -> str:
    """Numbers of :meth:`StreamStatistics.result` in a few lines."""
    latency = result['latency_ms']
    lines = [
        f'{result["frames"]} frames, {result["fps"]:.1f} frames/s, '
        f'network {result["network_ms"]:.1f} ms, '
        f'{result["overhead"]:.0%} of the time outside it',
        'latency ms: ' + ', '.join(f'{k} {v:.1f}' for k, v in latency.items())
    ]
    counted = [
        f'{result[key]} {text}' for key, text in COUNTS.items() if result[key]
    ]
    lines += [', '.join(counted)] if counted else []
    if 'flicker' in result:
        lines.append(
            '; '.join(f'{name}: ' +
                      ', '.join(f'{k} {v:.5f}'
                                for k, v in result['flicker'][name].items())
                      for name in result['flicker']))
    if result['interrupted']:
        lines.append('interrupted; what was fused until then is complete')
    return '\n'.join(lines)
