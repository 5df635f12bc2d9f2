"""Memory and time a pixel of a large pair, beside a small one.

    python benchmarks/large_images.py --size 9000 12000 --max-memory 2GB

Each pair is fused by a process of its own, from file to file; the large one
is made of copies of a synthetic scene.
"""
import argparse
import json
import re
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

import mmfusion  # noqa: F401  (teaches mmengine the names of our configs)
from mmfusion.cli.flags import add_memory, add_threads
from mmfusion.cli.legacy import run
from mmfusion.utils.errors import UsageError
from mmfusion.utils.files import temporary_folder, write_image

SMALL = 960, 1280


def parse_args():
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--model', nargs='+', metavar='MODEL',
                        default=['fusers/laplacian_pyramid.py'],
                        help='config and checkpoint, or an exported file')
    parser.add_argument('--size', type=int, nargs=2, default=(9000, 12000),
                        metavar=('H', 'W'))
    add_memory(parser)
    add_threads(parser)
    parser.set_defaults(max_memory=2 * 10**9)
    parser.add_argument('--folder', help=argparse.SUPPRESS)
    return parser.parse_args()


def write_pair(folder: Path, size: tuple[int, int]) -> None:
    """Files ``vis/0.png`` and ``ir/0.png``."""
    from mmfusion.datasets.synthetic import generate_scene
    scene = generate_scene(0, SMALL)
    for name in ('vis', 'ir'):
        image = scene[name]
        for axis in (0, 1):
            image = image.take(np.arange(size[axis]) % SMALL[axis], axis)
        write_image(folder / name / '0.png', image)


def fuse_pair(args) -> None:
    """In a process of its own: prints seconds and the largest memory."""
    import torch

    from mmfusion.apis import fuse
    if args.threads:
        torch.set_num_threads(args.threads)
    # once before: what is imported and compiled is not counted
    for folder in (Path(args.folder).with_name(str(SMALL[0])),
                   Path(args.folder)):
        start = time.perf_counter()
        done = fuse(*args.model, vis=folder / 'vis', ir=folder / 'ir',
                    out_dir=folder / 'fused', max_memory=args.max_memory)
        seconds = time.perf_counter() - start
    if done.failures:
        raise UsageError(': '.join(done.failures[0]))
    status = Path('/proc/self/status').read_text()
    peak, = re.findall(r'VmHWM:\s+(\d+)', status)
    print(json.dumps(dict(seconds=seconds, peak=int(peak) * 1024)))


def main() -> None:
    args = parse_args()
    if args.folder:
        fuse_pair(args)
        return
    times = []
    with temporary_folder() as folder:
        for size in (SMALL, tuple(args.size)):
            write_pair(folder / str(size[0]), size)
            words = [
                sys.executable, __file__, '--model', *args.model,
                f'--folder={folder / str(size[0])}',
                f'--max-memory={args.max_memory}'
            ]
            if args.threads:
                words.append(f'--threads={args.threads}')
            found = subprocess.run(words, check=True, stdout=subprocess.PIPE)
            result = json.loads(found.stdout.splitlines()[-1])
            times.append(result['seconds'] / (size[0] * size[1]))
            print(
                f'{size[1]}x{size[0]}: {result["seconds"]:.1f} s, '
                f'{1e9 * times[-1]:.0f} ns a pixel, at most '
                f'{result["peak"] / 1e9:.2f} GB', flush=True)
    print(f'{times[1] / times[0]:.2f} times the time a pixel')


if __name__ == '__main__':
    sys.exit(run(main))
