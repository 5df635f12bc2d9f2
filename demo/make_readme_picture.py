"""Render docs/images/fused_pair.jpg: a synthetic pair and its fused image.

Needs the fuser of a finished demo (`make demo`):
python demo/make_readme_picture.py
"""
import argparse
import sys
from pathlib import Path

import cv2
import numpy as np

import mmfusion  # noqa: F401  (teaches mmengine the names of our configs)
from mmfusion.apis import FusionInferencer
from mmfusion.cli.legacy import run
from mmfusion.datasets.synthetic import generate_scene
from mmfusion.utils.files import write_image
from mmfusion.visualization import draw_grid

ROOT = Path(__file__).resolve().parents[1]


def parse_args(argv=None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--config',
                        default=str(ROOT / 'configs/demo/demo_stage1.py'))
    parser.add_argument(
        '--checkpoint',
        default=str(ROOT / 'work_dirs/demo/stage1/iter_120.pth'))
    parser.add_argument('--seed', type=int, default=7,
                        help='which scene to draw')
    parser.add_argument('--width', type=int, default=1280,
                        help='of the picture, in pixels')
    parser.add_argument('--out', type=Path,
                        default=ROOT / 'docs/images/fused_pair.jpg')
    return parser.parse_args(argv)


def render(fuse: FusionInferencer, seed: int) -> np.ndarray:
    """A night scene of 480x640: visible | infrared | fused."""
    scene = generate_scene(seed, night=True)
    fused = fuse(scene['vis'], scene['ir'])['fused']
    return draw_grid(
        dict(visible=scene['vis'], infrared=scene['ir'], fused=fused))


def main(argv=None) -> None:
    args = parse_args(argv)
    fuse = FusionInferencer(args.config, args.checkpoint, native=True)
    picture = render(fuse, args.seed)
    height = round(picture.shape[0] * args.width / picture.shape[1])
    picture = cv2.resize(picture, (args.width, height),
                         interpolation=cv2.INTER_AREA)
    write_image(args.out, picture)
    print(f'wrote {args.out}, {args.out.stat().st_size / 1000:.0f} kB')


if __name__ == '__main__':
    sys.exit(run(main))
