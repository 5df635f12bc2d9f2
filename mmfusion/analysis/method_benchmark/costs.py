"""Latency, memory, parameters and FLOPs of methods, measured once."""
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from mmfusion.utils.files import read_record, write_json
from mmfusion.utils.progress import track

from ..complexity import (count_flops, count_parameters, network_of,
                          random_input)
from ..speed import device_name, measure
from .methods import Method


def setting(shape: tuple[int, int], device: str, runs: int) -> dict[str, Any]:
    """On what the costs depend beside the method."""
    return dict(shape=list(shape), device=device_name(device),
                threads=torch.get_num_threads(), runs=runs,
                torch=torch.__version__)


def measure_costs(methods: Sequence[Method], path: Path,
                  shape: tuple[int, int] = (480, 640), device: str = 'cpu',
                  runs: int = 10) -> dict[str, dict[str, float | None]]:
    """Costs of the fusers alone, for one pair in float32.

    Args:
        methods (sequence[Method]): What to measure.
        path (Path): JSON file where results are looked up and kept.
        shape (tuple[int, int]): Height and width.
        device (str): Where the fusers run.
        runs (int): Passes that are timed; their median is taken.

    Returns:
        dict[str, dict]: Name of each method -> ``latency_ms``,
        ``memory_mib`` (the most above the start, None where the system does
        not tell), ``parameters`` and ``flops``.
    """
    known = read_record(path) or {}
    where = setting(shape, device, runs)

    def key(method: Method) -> dict:
        return dict(method=method.settings()['config'], **where)

    todo = [
        method for method in methods
        if known.get(method.name, {}).get('measured_for') != key(method)
        or 'memory_mib' not in known[method.name]  # of an older version
    ]
    for method in track(todo, len(todo)):
        network = network_of(method.cfg, 'fuser')
        costs = dict(parameters=count_parameters(network),
                     flops=count_flops(network, shape).get('', 0))
        network = network_of(method.cfg, 'fuser', True, device)
        timed = measure(network, random_input(shape, device=device), 2, runs)
        memory = timed['peak_memory_mib']
        known[method.name] = dict(
            costs, latency_ms=timed['latency_ms'],
            memory_mib=None if math.isnan(memory) else memory,
            measured_for=key(method))
        write_json(path, known)
    return {
        method.name: {
            name: known[method.name][name]
            for name in ('latency_ms', 'memory_mib', 'parameters', 'flops')
        } for method in methods
    }
