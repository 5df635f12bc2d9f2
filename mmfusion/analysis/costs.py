"""Size, cost, speed and memory of a fuser, as the README prints them."""
from typing import Any

import numpy as np
import torch
from mmengine.dataset import pseudo_collate
from torch import nn

from mmfusion.apis.fused_image import to_uint8
from mmfusion.datasets.transforms import PackFusionInputs
from mmfusion.tasks import TASKS, channel_spans

from .complexity import FuserPart, count_flops, count_parameters, random_input
from .speed import device_name, measure


def analyze_model(model: nn.Module, input_size: int | tuple[int, int] = 512,
                  device: str = 'cpu', warmup: int = 10, runs: int = 100,
                  verbose: bool = True) -> dict[str, Any]:
    """Parameters, operations, latency and memory.

    Args:
        model (nn.Module): A fuser, or a wrapper with one.
        input_size (int | tuple[int, int]): (height, width) of a pair.
        device (str): Where it is timed.
        warmup (int): Passes before the clock runs.
        runs (int): Passes that are timed.
        verbose (bool): Whether to print the README's four lines.

    Returns:
        dict[str, Any]: ``parameters``, ``trainable``, ``size_mib`` by type,
        ``macs`` (multiply-adds, which the README calls FLOPs), ``modules``
        (multiply-adds by sub-module) and what
        :func:`mmfusion.analysis.speed.measure` gives.
    """
    fuser = getattr(model, 'fuser', model).to(device).eval()
    size = (input_size, ) * 2 if isinstance(input_size, int) else input_size
    network = FuserPart(fuser)
    parameters = count_parameters(fuser)
    weights = sum(value.numel() for value in fuser.state_dict().values())
    flops = count_flops(network.cpu(), size)
    network.to(device)
    result = dict(
        parameters=parameters, trainable=sum(p.numel()
                                             for p in fuser.parameters()
                                             if p.requires_grad),
        size_mib={
            name: weights * width / 2**20
            for name, width in dict(fp32=4, fp16=2, int8=1).items()
        }, macs=flops[''] // 2, modules={
            name: value // 2 for name, value in flops.items() if name
        }, **measure(network, random_input(size, 1, device), warmup, runs))
    if verbose:
        print(f'Parameters: {parameters / 1e6:.2f}M')
        print(f'FLOPs (multiply-adds): {result["macs"] / 1e9:.2f}G')
        print(f'Inference Time: {result["mean_ms"]:.2f}ms')
        print(f'Memory: {result["peak_memory_mib"]:.1f}MB')
    return result


def benchmark_speed(model: nn.Module, input_size: int | tuple[int, int] = 512,
                    device: str = 'cpu', warmup: int = 50,
                    runs: int = 200) -> dict[str, float]:
    """Print the README's block of latencies of a fuser, batch size 1.

    Of a wrapper also what comes before the network (a decoded pair becomes
    a batch on the device) and after it (an 8-bit image on the CPU), apart.

    Args:
        model (nn.Module): A fuser, or a wrapper with one.
        input_size (int | tuple[int, int]): (height, width) of a pair.
        device (str): Where it is timed.
        warmup (int): Passes before the clock runs.
        runs (int): Passes that are timed.

    Returns:
        dict[str, float]: See :func:`mmfusion.analysis.speed.measure`; of a
        wrapper also ``before_ms`` and ``after_ms``, medians.
    """
    fuser = getattr(model, 'fuser', model).to(device).eval()
    size = (input_size, ) * 2 if isinstance(input_size, int) else input_size
    result = measure(FuserPart(fuser), random_input(size, 1, device), warmup,
                     runs)
    print(f'Speed of the network at {size[0]}x{size[1]}, float32, '
          f'{device_name(device)}, {torch.get_num_threads()} CPU threads:')
    print(f'  Mean: {result["mean_ms"]:.2f} +- {result["std_ms"]:.2f} ms')
    print(f'  Min: {result["fastest_ms"]:.2f} ms')
    print(f'  Max: {result["slowest_ms"]:.2f} ms')
    print(f'  Median: {result["latency_ms"]:.2f} ms')
    print(f'  FPS: {1000 / result["mean_ms"]:.2f}')
    if hasattr(model, 'data_preprocessor'):
        result.update(_around(model.to(device), size, device, warmup, runs))
        print(f'  Pre-processing: {result["before_ms"]:.2f} ms, '
              f'post-processing: {result["after_ms"]:.2f} ms (medians, not '
              'in the above)')
    return result


@torch.no_grad()
def _around(model: nn.Module, size: tuple[int, int], device: str, warmup: int,
            runs: int) -> dict[str, float]:
    """Milliseconds before and after a wrapper's network."""
    spans = channel_spans(TASKS['ivf'].modalities)
    image = np.random.default_rng(0).integers(0, 256, (*size, 4), np.uint8)
    pack = PackFusionInputs()

    def before() -> dict:
        sample = pack(
            dict(img=image, modalities=spans, seg_fields=[], img_shape=size,
                 ori_shape=size))
        return model.data_preprocessor(pseudo_collate([sample]), False)

    data = before()
    inputs, samples = data['inputs'], data['data_samples']
    output = model.fuse(inputs, samples)

    def after() -> np.ndarray:
        sample, = model.add_fused(output, inputs, samples)
        return to_uint8(sample.fused_img.data)

    return {
        name: measure(lambda _, run=run: run(), inputs, warmup,
                      runs)['latency_ms']
        for name, run in (('before_ms', before), ('after_ms', after))
    }
