"""Latency, throughput and peak memory of a network."""
import statistics
import time
from collections.abc import Callable

import torch
from torch import Tensor, nn

from mmfusion.models.layers.memory import peak_meter
from mmfusion.utils.errors import UsageError


def device_name(device: str) -> str:
    """The GPU's name; that of another device as it is."""
    return (torch.cuda.get_device_name(device)
            if device.startswith('cuda') else device)


def measure(network: nn.Module, inputs: Tensor, warmup: int = 3,
            runs: int = 10,
            dtype: torch.dtype = torch.float32) -> dict[str, float]:
    """Time forward passes.

    With another ``dtype`` than float32 they run under autocast: networks
    keep in float32 what needs it.

    Args:
        network (nn.Module): In eval mode, on the device of ``inputs``.
        inputs (Tensor): (B, 4, H, W).
        warmup (int): Passes before the clock runs.
        runs (int): Passes that are timed, each by itself.
        dtype (torch.dtype): Type of convolutions and matrix products.

    Returns:
        dict[str, float]: ``latency_ms`` (median of a batch), ``mean_ms``,
        ``std_ms`` (population), ``fastest_ms``, ``slowest_ms``,
        ``images_per_s`` (batch over median) and
        ``peak_memory_mib``, the most that was held above what the process
        (CPU) or the model and its input (GPU) held before the first pass;
        NaN where the system does not tell.

    Raises:
        UsageError: If ``runs`` is below 1 or ``warmup`` below 0.
    """
    if runs < 1 or warmup < 0:
        raise UsageError('Expected at least one run and no negative warmup, '
                         f'got {runs} and {warmup}.')
    on_gpu = inputs.device.type == 'cuda'
    memory = peak_meter(inputs.device)
    timed = _gpu_milliseconds if on_gpu else _cpu_milliseconds
    mixed = torch.autocast(inputs.device.type, dtype, enabled=dtype
                           != torch.float32)
    with torch.no_grad(), mixed:
        for _ in range(warmup):
            network(inputs)
        times = timed(lambda: network(inputs), runs)
    median = statistics.median(times)
    return dict(latency_ms=median, mean_ms=statistics.fmean(times),
                std_ms=statistics.pstdev(times), fastest_ms=min(times),
                slowest_ms=max(times),
                images_per_s=1000 * len(inputs) / median,
                peak_memory_mib=memory.peak() / 2**20)


def _cpu_milliseconds(run: Callable, runs: int) -> list[float]:
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        run()
        times.append(1000 * (time.perf_counter() - start))
    return times


def _gpu_milliseconds(run: Callable, runs: int) -> list[float]:
    times = []
    for _ in range(runs):
        start = torch.cuda.Event(enable_timing=True)
        end = torch.cuda.Event(enable_timing=True)
        start.record()
        run()
        end.record()
        end.synchronize()
        times.append(start.elapsed_time(end))
    return times
