"""The video pipeline from end to end: decode, fuse, encode.

    python benchmarks/video.py --frames 2000 --json video.json
    python benchmarks/video.py model.onnx --backend openvino --threads 2
    python benchmarks/video.py CFG CKPT --vis still_vis.png --ir still_ir.png

Two video files of a moving camera are made of a still pair (a synthetic one
by default) and fused into a third. Without a model, the tiny
RealtimeFusionNet with random weights runs as ONNX in both runtimes. Prints
frames a second from the first frame read to the file closed, latency from
decoded to fused, the share of the time outside the network, and how the
process's memory grows between the first and the last sample.
"""
import argparse
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import psutil
import torch
from mmengine.registry import init_default_scope
from torch import nn

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from mmfusion.apis.inferencer import init_model
from mmfusion.cli.flags import one_of
from mmfusion.cli.legacy import run
from mmfusion.deployment import export_model
from mmfusion.fileio import read_image
from mmfusion.models.exported import is_exported
from mmfusion.models.wrappers import ImageFuser
from mmfusion.registry import MODELS
from mmfusion.utils.errors import UsageError
from mmfusion.utils.files import write_json
from mmfusion.utils.progress import track
from mmfusion.video import FusionStream
from tests.support.video_sequences import moving_views

DEFAULT = dict(type='RealtimeFusionNet', size='tiny')
RUNTIMES = ('openvino', 'onnxruntime')


def still_pair(args: argparse.Namespace) -> tuple[np.ndarray, np.ndarray]:
    """A visible (H, W, 3) and an infrared (H, W) image, large enough."""
    size = tuple(-(-4 * side // 3) + 2 for side in args.shape[::-1])
    if args.vis:
        vis, ir = (read_image(path) for path in (args.vis, args.ir))
        ir = ir[..., 0] if ir.ndim == 3 else ir
    else:
        rng = np.random.default_rng(0)
        vis, ir = (rng.integers(0, 256, (24, 32, c), np.uint8) for c in (3, 1))
    return tuple(
        cv2.resize(image, size, interpolation=cv2.INTER_CUBIC)
        for image in (vis, ir))


def write_videos(args: argparse.Namespace, folder: Path) -> list[Path]:
    """Both sequences as .mp4 files."""
    paths = [folder / f'{name}.mp4' for name in ('vis', 'ir')]
    code = cv2.VideoWriter_fourcc(*'mp4v')
    size = tuple(args.shape[::-1])
    writers = [cv2.VideoWriter(str(path), code, 25., size) for path in paths]
    views = moving_views(*still_pair(args), args.frames, tuple(args.shape))
    for images in track(views, args.frames):
        for writer, image in zip(writers, images, strict=True):
            writer.write(image if image.ndim ==
                         3 else cv2.cvtColor(image, cv2.COLOR_GRAY2BGR))
    for writer in writers:
        writer.release()
    return paths


def models(args: argparse.Namespace, folder: Path) -> dict[str, nn.Module]:
    """What to measure, by name."""
    options = dict(threads=args.threads, precision=args.precision)
    files, backends = args.model, args.backend
    if not files:
        torch.manual_seed(0)
        files = [str(folder / 'tiny.onnx')]
        export_model(
            ImageFuser(fuser=MODELS.build(DEFAULT)).eval(), files[0],
            shape=args.shape, opset=17, simplify=True)
        backends = backends or RUNTIMES
    if not any(map(is_exported, files)):
        if backends:
            raise UsageError(f'Expected an exported file for --backend '
                             f'{" ".join(backends)}, got {files}.')
        return {
            f'PyTorch, {args.device}':
            init_model(*files, device=args.device, fuser_is_enough=True)
        }
    return {
        name or 'default':
        init_model(*files, device=args.device, backend=name,
                   backend_options=options) for name in backends or [None]
    }


def measure(model: nn.Module, paths: list[Path], out: Path,
            args: argparse.Namespace) -> dict[str, Any]:
    """Fuse both files into another; numbers of the run."""
    process, memory = psutil.Process(), {}

    def on_frame(frame) -> None:
        if frame.index % args.sample == 0:
            memory[frame.index] = process.memory_info().rss / 2**20

    stream = FusionStream(model, *paths, batch_size=args.batch)
    start = time.perf_counter()
    result = stream.run(out, on_frame=on_frame)
    wall = time.perf_counter() - start
    if result['interrupted']:
        raise KeyboardInterrupt
    return dict(result, wall_s=wall, end_to_end_fps=result['frames'] / wall,
                out_mib=out.stat().st_size / 2**20, rss_mib={
                    str(k): v for k, v in memory.items()
                })


def table(results: dict[str, dict[str, Any]]) -> str:
    """Results as a Markdown table."""
    lines = [
        '| model | frames | frames/s | network ms | outside the network | '
        'latency ms p50 / p95 / p99 | memory MiB first / last |',
        '|---|---|---|---|---|---|---|'
    ]
    for name, result in results.items():
        latency = result['latency_ms']
        memory = list(result['rss_mib'].values())
        lines.append(
            f'| {name} | {result["frames"]} | '
            f'{result["end_to_end_fps"]:.1f} | {result["network_ms"]:.1f} | '
            f'{result["overhead"]:.0%} | ' +
            ' / '.join(f'{latency[k]:.1f}' for k in ('p50', 'p95', 'p99')) +
            f' | {memory[0]:.0f} / {memory[-1]:.0f} |')
    return '\n'.join(lines)


def parse_args(argv: list | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('model', nargs='*', metavar='MODEL',
                        help='config and checkpoint, or an exported file')
    parser.add_argument('--backend', nargs='+',
                        help='of an exported file, one or more')
    parser.add_argument('--precision', **one_of(('fp32', 'bf16')),
                        default='fp32', help='of an exported file')
    parser.add_argument('--shape', nargs=2, type=int, default=(480, 640),
                        metavar=('H', 'W'))
    parser.add_argument('--frames', type=int, default=300)
    parser.add_argument('--batch', type=int, default=1)
    parser.add_argument('--threads', type=int, default=2)
    parser.add_argument('--device', default='cpu')
    parser.add_argument('--sample', type=int, default=100, metavar='N',
                        help='look at the memory every N frames')
    parser.add_argument('--vis', metavar='FILE', help='still to move over')
    parser.add_argument('--ir', metavar='FILE')
    parser.add_argument('--json', metavar='FILE', help='also write here')
    args = parser.parse_args(argv)
    if bool(args.vis) != bool(args.ir):
        parser.error('--vis and --ir go together: name both images.')
    if len(args.model) > 2:
        parser.error('expected a config and its checkpoint, or an exported '
                     f'file, got {args.model}.')
    if min(args.frames, args.sample) < 1 or any(s % 2 for s in args.shape):
        parser.error('expected --frames and --sample of at least 1 and an '
                     'even --shape.')
    return args


def main(argv: list | None = None) -> None:
    args = parse_args(argv)
    torch.set_num_threads(args.threads)
    init_default_scope('mmfusion')
    results = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        paths = write_videos(args, folder)
        for title, model in models(args, folder).items():
            results[title] = measure(model, paths, folder / 'fused.mp4', args)
    print(table(results))
    if args.json:
        write_json(
            args.json,
            dict(shape=list(args.shape), batch=args.batch,
                 threads=args.threads, precision=args.precision,
                 torch=torch.__version__, results=results))


if __name__ == '__main__':
    sys.exit(run(main))
