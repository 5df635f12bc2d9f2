"""What a fuser in front of a detector costs.

    python benchmarks/detection.py

A bare mmdet detector on a fused image against the same detector behind
MMDRFuse's student (``FuserDetector``) on the stacked pair, in eval mode, from
preprocessed tensors to boxes. Variants run alternately in one process;
medians. Run it on an idle machine.
"""
import argparse
import sys
from pathlib import Path

import torch

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT)]

from benchmarks.mmdrfuse import alternate
from mmfusion.registry import MODELS
from mmfusion.structures import FusionDataSample
from mmfusion.utils.config_file import load_config
from tests.support.config_cases import shrink_config

CONFIG = 'fuser_detectors/{fuser}_{detector}_llvip.py'


def sample(size: tuple) -> FusionDataSample:
    return FusionDataSample(
        metainfo=dict(img_shape=size, ori_shape=size, batch_input_shape=size,
                      pad_shape=size, scale_factor=(1., 1.)))


def measure(detector: str, fuser: str, size: tuple, repeats: int) -> dict:
    """Median seconds of ``bare``, ``wrapped`` and the ``fuser`` alone."""
    name = CONFIG.format(fuser=fuser, detector=detector)
    cfg = shrink_config(load_config(name), size)
    torch.manual_seed(0)
    model = MODELS.build(cfg.model).eval().optimize_for_inference()
    inputs = torch.rand(1, 4, *size)
    with torch.inference_mode():
        image = model.task_norm(model.fuse(inputs).fused)
        return alternate(
            dict(bare=lambda: model.detector.predict(image, [sample(size)]),
                 wrapped=lambda: model.predict(inputs, [sample(size)]),
                 fuser=lambda: model.fuse(inputs)), repeats)


def main(argv=None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        '--detectors', nargs='+',
        default=['rtmdet-tiny', 'retinanet', 'faster-rcnn', 'dino'])
    parser.add_argument('--fuser', default='mmdrfuse_student')
    parser.add_argument('--size', type=int, nargs=2, default=(640, 640),
                        metavar=('HEIGHT', 'WIDTH'))
    parser.add_argument('--threads', type=int, default=2)
    parser.add_argument('--repeats', type=int, default=15)
    args = parser.parse_args(argv)
    torch.set_num_threads(args.threads)
    print(f'{args.fuser}, {args.size[0]}x{args.size[1]}, {args.threads} '
          'threads\n\n| detector | bare ms | wrapped ms | fuser alone ms | '
          'more |\n|---|---|---|---|---|')
    for detector in args.detectors:
        found = measure(detector, args.fuser, tuple(args.size), args.repeats)
        more = 100 * (found['wrapped'] / found['bare'] - 1)
        print(
            f'| {detector} | {1e3 * found["bare"]:.1f} | '
            f'{1e3 * found["wrapped"]:.1f} | {1e3 * found["fuser"]:.1f} | '
            f'{more:.1f} % |', flush=True)


if __name__ == '__main__':
    main()
