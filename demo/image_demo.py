"""Fuse one pair of images with a trained model.

python demo/image_demo.py VIS IR CONFIG CHECKPOINT --out fused.png
"""
import argparse
import sys
from pathlib import Path

import mmfusion  # noqa: F401  (teaches mmengine the names of our configs)
from mmfusion.apis import FusionInferencer
from mmfusion.cli.flags import (add_device, add_loading, add_register,
                                loading_of)
from mmfusion.cli.legacy import run
from mmfusion.cli.outputs import refuse_sources
from mmfusion.utils.files import write_image


def parse_args(argv=None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description='Fuse two images of one view: visible and infrared, or '
        "the two modalities of the config's task.")
    parser.add_argument('vis', help='visible (or first) image')
    parser.add_argument('ir',
                        help='infrared (or second) image of the same view')
    parser.add_argument('config', help='config of the trained model')
    parser.add_argument('checkpoint', help='its weights')
    parser.add_argument('--out', type=Path, default=Path('fused.png'),
                        help='fused image; default fused.png')
    parser.add_argument(
        '--panel', metavar='DIR',
        help='also write both images, the fused one and, where the model '
        'segments, its prediction side by side into this folder')
    add_loading(parser)
    add_register(parser)
    add_device(parser)
    return parser.parse_args(argv)


def main(argv=None) -> None:
    args = parse_args(argv)
    refuse_sources(args, 'out', 'panel')
    fuse = FusionInferencer(args.config, args.checkpoint, device=args.device,
                            native=True, loading=loading_of(args))
    result = fuse(args.vis, args.ir, panel_dir=args.panel)
    write_image(args.out, result['fused'])
    print(f'wrote {args.out}')


if __name__ == '__main__':
    sys.exit(run(main))
