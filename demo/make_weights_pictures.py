"""Render docs/images/weights_*.jpg: what the weights in the box make of
synthetic scenes, and of scenes that are spoilt in a way each.

python demo/make_weights_pictures.py
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
from mmfusion.utils.box_weights import box_weights
from mmfusion.utils.files import write_image
from mmfusion.visualization import draw_grid

IMAGES = Path(__file__).resolve().parents[1] / 'docs/images'
SIZE = (240, 320)
WIDTH = 960


def glare(vis, ir):
    """Headlights into the lens."""
    rows, columns = np.indices(ir.shape)
    distance = np.hypot(rows - 120, columns - 170)
    light = 255 * np.exp(-(distance / 60)**2)[..., None]
    return np.clip(vis + light, 0, 255).astype(np.uint8), ir


def misaligned(vis, ir):
    """Eight pixels to the right."""
    return vis, np.roll(ir, 8, axis=1)


def noisy(vis, ir):
    """A cheap sensor, sigma 20 of 255."""
    rng = np.random.default_rng(0)
    noise = rng.normal(0, 20, ir.shape)
    return vis, np.clip(ir + noise, 0, 255).astype(np.uint8)


def sixteen_bit(vis, ir):
    """Counts of a bolometer that fill a tenth of the range."""
    return vis, (28000 + ir.astype(np.uint16) * 25)


SPOILT = dict(glare=glare, misaligned=misaligned, noise=noisy)


def fuser(name, **kwargs):
    return FusionInferencer(f'mmfusion::fusers/{name}.py', box_weights(name),
                            **kwargs)


def good(seeds=((3, False), (7, True))):
    """Day and night: the sources, the default and the student."""
    fusers = dict(default=fuser('default'), student=fuser('default_student'))
    tiles = {}
    for seed, night in seeds:
        scene = generate_scene(seed, SIZE, night)
        when = 'night' if night else 'day'
        tiles[f'visible, {when}'] = scene['vis']
        tiles[f'infrared, {when}'] = scene['ir']
        for name, fuse in fusers.items():
            tiles[f'{name}, {when}'] = fuse(scene['vis'], scene['ir'])['fused']
    return draw_grid(tiles, columns=4)


def spoilt(seed=11):
    """Every fault: the sources and what the default makes of them."""
    fuse, tiles = fuser('default'), {}
    scene = generate_scene(seed, SIZE, night=False)
    for name, spoil in SPOILT.items():
        vis, ir = spoil(scene['vis'], scene['ir'])
        tiles[f'visible, {name}'] = vis
        tiles[f'infrared, {name}'] = ir
        tiles[f'fused, {name}'] = fuse(vis, ir)['fused']
    vis, ir = sixteen_bit(scene['vis'], scene['ir'])
    stated = fuser('default', loading=dict(uint16_range=(28000, 34400)))
    tiles['16 bits, fused as 0..65535'] = fuse(vis, ir)['fused']
    tiles['infrared, 16 bits'] = ir
    tiles['16 bits, uint16_range stated'] = stated(vis, ir)['fused']
    return draw_grid(tiles, columns=3)


def parse_args(argv=None):
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--out-dir', type=Path, default=IMAGES)
    return parser.parse_args(argv)


def main(argv=None):
    args = parse_args(argv)
    for name, draw in dict(good=good, spoilt=spoilt).items():
        picture = draw()
        height = round(picture.shape[0] * WIDTH / picture.shape[1])
        picture = cv2.resize(picture, (WIDTH, height),
                             interpolation=cv2.INTER_AREA)
        path = args.out_dir / f'weights_{name}.jpg'
        write_image(path, picture)
        print(f'wrote {path}, {path.stat().st_size / 1000:.0f} kB')


if __name__ == '__main__':
    sys.exit(run(main))
