"""Numbers about a run of a video pipeline."""
import time
from contextlib import contextmanager
from typing import Any, Dict, Iterator, List

import numpy as np

#: frames whose latencies are kept: memory stays flat on endless streams
KEPT = 4096
STAGES = ('read', 'fuse', 'finish', 'write')


class StreamStatistics:
    """Counts, times and latencies, from several threads.

    Each stage is timed by one thread alone, so that no lock is needed.
    """

    def __init__(self) -> None:
        self.frames = 0
        self.corrupt_vis = self.corrupt_ir = 0
        self.repeated = self.dropped = 0
        self.interrupted = False
        self.seconds = dict.fromkeys(STAGES, 0.)
        self._latencies: List[float] = []
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

    def result(self) -> Dict[str, Any]:
        """All numbers as plain values.

        Returns:
            dict: ``frames``; ``fps``; ``latency_ms`` with the percentiles
            ``p50``, ``p95``, ``p99`` and ``max`` from decoded to fused;
            ``seconds`` of each stage, which overlap; ``overhead``, the share
            of the whole time in which the network did not run;
            ``corrupt_vis``, ``corrupt_ir``, ``repeated``, ``dropped`` and
            ``interrupted``.
        """
        whole = max(self._last - self._first, 1e-9)
        latency = dict.fromkeys(('p50', 'p95', 'p99', 'max'), float('nan'))
        if self._latencies:
            values = 1000 * np.percentile(self._latencies, (50, 95, 99, 100))
            latency = dict(zip(latency, map(float, values), strict=True))
        return dict(
            frames=self.frames,
            fps=self.frames / whole,
            latency_ms=latency,
            seconds=dict(self.seconds, whole=whole),
            overhead=max(0., 1 - self.seconds['fuse'] / whole),
            corrupt_vis=self.corrupt_vis,
            corrupt_ir=self.corrupt_ir,
            repeated=self.repeated,
            dropped=self.dropped,
            interrupted=self.interrupted)


def summary(result: Dict[str, Any]) -> str:
    """Numbers of :meth:`StreamStatistics.result` in a few lines."""
    latency = result['latency_ms']
    lines = [
        f'{result["frames"]} frames, {result["fps"]:.1f} frames/s, '
        f'{result["overhead"]:.0%} of the time outside the network',
        'latency ms: ' + ', '.join(f'{k} {v:.1f}'
                                   for k, v in latency.items())
    ]
    counted = [
        f'{result[key]} {text}'
        for key, text in (('corrupt_vis', 'visible frames not decoded'),
                          ('corrupt_ir', 'infrared frames not decoded'),
                          ('repeated', 'pairs filled from the one before'),
                          ('dropped', 'pairs dropped')) if result[key]
    ]
    lines += [', '.join(counted)] if counted else []
    if 'flicker' in result:
        lines.append('; '.join(
            f'{name}: ' + ', '.join(f'{k} {v:.5f}' for k, v in
                                    result['flicker'][name].items())
            for name in result['flicker']))
    if result['interrupted']:
        lines.append('interrupted; what was fused until then is complete')
    return '\n'.join(lines)
