"""The two cameras: from material numbers to a visible and an infrared
image, with the defects that such sensors have."""
from functools import lru_cache

import cv2
import numpy as np

from .canvas import Canvas
from .conditions import Conditions


def render(canvas: Canvas, conditions: Conditions,
           rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Both images of a finished drawing.

    Returns:
        tuple: vis (H, W, 3) uint8 RGB and ir (H, W) uint8.
    """
    height, width = canvas.camera.size
    table = canvas.materials
    colour_heat = _shrink(table[:, :4], canvas.index, (width, height))
    emission = None
    if (table[:, 4] > 0).any():
        emission = _shrink(table[:, :3] * table[:, 4:5], canvas.index,
                           (width, height))
    index = canvas.small_index()
    fine, coarse, retro, ground, depth = (table[:, column][index]
                                          for column in range(5, 10))
    depth = np.where(ground > 0, _ground_depth(canvas.camera)[:, None], depth)
    size = (height, width)
    grain = _noise(rng, size, (1.3, 3.))
    clouds = _noise(rng, size, (width / 5, width / 12, width / 30))
    texture = 1 + fine * grain + coarse * clouds
    albedo = colour_heat[..., :3] * np.maximum(texture, .15)[..., None]
    light = _light(canvas, conditions, depth, ground > 0, retro, rng)
    vis = albedo * light
    if emission is not None:
        vis += emission * np.maximum(1 + coarse * clouds, .3)[..., None]
    vis = _haze(vis, depth, conditions)
    ir = colour_heat[..., 3] + 0.05 * fine * grain + 0.05 * coarse * clouds
    folds = _noise(rng, size, (width / 110, width / 50))
    ir += .13 * folds * np.maximum(ir - conditions.air - .12, 0)
    warmth = canvas.warmth.astype(np.float32) / 255
    ir += (ground > 0) * _wide_blur(warmth, width / 70)
    return (_visible_camera(vis, emission, conditions,
                            rng), _infrared_camera(ir, conditions, rng))


def _shrink(table: np.ndarray, index: np.ndarray, size) -> np.ndarray:
    """Look up and average over the supersampled pixels (anti-aliasing)."""
    values = np.take(np.ascontiguousarray(table), index, axis=0)
    return cv2.resize(values, size, interpolation=cv2.INTER_AREA)


def _ground_depth(camera) -> np.ndarray:
    rows = np.arange(camera.size[0], dtype=np.float32)
    drop = np.maximum(rows - camera.horizon, 0.5)
    return (camera.focal * camera.eye / drop).astype(np.float32)


def _noise(rng, size, scales) -> np.ndarray:
    """Sum of smooth noise fields with the given grain sizes in pixels;
    zero mean, about unit spread."""
    height, width = size
    total = np.zeros(size, np.float32)
    for scale in scales:
        shape = (max(int(height / scale), 2), max(int(width / scale), 2))
        field = rng.standard_normal(shape, dtype=np.float32)
        total += cv2.resize(field, (width, height),
                            interpolation=cv2.INTER_LINEAR)
    return total / np.sqrt(len(scales))


def _wide_blur(image: np.ndarray, sigma: float) -> np.ndarray:
    """A wide Gaussian blur, computed at a quarter of the size."""
    height, width = image.shape[:2]
    small = cv2.resize(image, (max(width // 4, 1), max(height // 4, 1)),
                       interpolation=cv2.INTER_AREA)
    small = cv2.GaussianBlur(small, (0, 0), max(sigma / 4, .3))
    return cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR)


def _light(canvas, conditions, depth, ground, retro, rng) -> np.ndarray:
    """Linear RGB light (H, W, 3) that falls on every pixel."""
    camera = canvas.camera
    height, width = camera.size
    shadow = cv2.GaussianBlur(canvas.shadow, (0, 0), max(width / 200, .5))
    shadow = ground * (shadow / np.float32(255))
    light = np.empty((height, width, 3), np.float32)
    light[:] = conditions.ambient
    if not conditions.night:
        shade = 1 - 0.75 * shadow
        if conditions.shade:
            dapple = _noise(rng, (height, width), (width / 6, width / 18))
            dapple = 1 / (1 + np.exp(-5 * dapple))
            shade *= 1 - conditions.shade * dapple * (depth < 60)
        return light * shade[..., None]
    reach = np.minimum(depth, 1e4)
    columns = np.arange(width, dtype=np.float32) - camera.centre
    rows = np.arange(height, dtype=np.float32)[:, None] - camera.horizon
    x = columns * reach / camera.focal
    y = camera.eye - rows * reach / camera.focal
    light *= (1 - 0.6 * shadow)[..., None]
    for (lx, ly, lz), colour, strength, radius in canvas.lights:
        fall = np.square((reach - lz) * (1 / radius))
        fall += np.square((x - lx) * (1 / radius))
        fall += np.square((y - ly) * (.7 / radius))
        fall += 1
        np.divide(strength**.5, fall, out=fall)
        np.square(fall, out=fall)
        light += cv2.merge([fall * np.float32(c) for c in colour])
    if conditions.headlights:
        spread = np.exp(-np.square(columns / (0.33 * width)))
        dip = 1 / (1 + np.exp(np.clip((y - 1.1) * 3, -30, 30)))
        near = np.exp(-np.square((reach - 8) / 14)) + 0.1 * (reach < 45)
        beam = conditions.headlights * spread * (dip + .05) * near
        beam = beam * (.3 + retro)
        light += beam[..., None] * np.array([1., .97, .9], np.float32)
    return light


def _haze(vis, depth, conditions):
    if conditions.haze < 1e-4:
        return vis
    through = np.exp(-conditions.haze * np.minimum(depth, 150))[..., None]
    air = 0.75 * np.asarray(conditions.ambient, np.float32)
    return vis * through + air * (1 - through)


def _visible_camera(vis, emission, conditions, rng) -> np.ndarray:
    """Glare, lens blur, exposure, shot and read noise, gamma."""
    if emission is not None and conditions.night:
        vis = vis + _glare(emission)
    vis = cv2.GaussianBlur(vis, (0, 0), rng.uniform(.45, .8))
    vis = np.clip(vis, 0, 1.2)
    code = np.sqrt(vis, out=vis) * 255
    noise = rng.standard_normal(vis.shape, dtype=np.float32)
    if conditions.night:
        # High gain: part of the noise is smeared by demosaicing, which
        # leaves coloured blotches.
        noise = .6 * noise + cv2.GaussianBlur(noise, (0, 0), 1.)
    shot = .12 if conditions.night else .06
    code += noise * np.sqrt(conditions.vis_noise**2 + shot * code)
    return np.clip(np.rint(code), 0, 255).astype(np.uint8)


def _glare(emission) -> np.ndarray:
    """Light scattered around strong sources: a halo and a veil."""
    width = emission.shape[1]
    return (.30 * _wide_blur(emission, width / 80) +
            .22 * _wide_blur(emission, width / 18))


def _infrared_camera(ir, conditions, rng) -> np.ndarray:
    """Halo, blur, gain, fixed pattern and noise."""
    height, width = ir.shape
    hot = np.maximum(ir - conditions.air - .3, 0)
    wide = _wide_blur(hot, width / 110)
    wider = _wide_blur(hot, width / 40)
    # Uncooled sensors surround what is hot by a glow and a darker ring.
    ir = ir + .22 * wide - .16 * wider
    ir = cv2.GaussianBlur(ir, (0, 0), rng.uniform(.7, 1.1) * width / 640 + .2)
    middle = conditions.air
    code = (middle + (ir - middle) * conditions.ir_gain) * 255
    columns, rows, pixels = _fixed_pattern(height, width)
    code += conditions.ir_noise * (.5 * columns + .3 * rows + .4 * pixels)
    code += conditions.ir_noise * rng.standard_normal(ir.shape,
                                                      dtype=np.float32)
    return np.clip(np.rint(code), 0, 255).astype(np.uint8)


@lru_cache(maxsize=4)
def _fixed_pattern(height: int, width: int):
    """The same stripes and pixel offsets in every image, as one camera
    has them."""
    rng = np.random.default_rng(640480)
    return (rng.standard_normal((1, width), dtype=np.float32),
            rng.standard_normal((height, 1), dtype=np.float32),
            rng.standard_normal((height, width), dtype=np.float32))
