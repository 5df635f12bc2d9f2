"""Kerbs, parking blocks, guardrails, cones and speed bumps.

All of them have the temperature of the street: the infrared camera
hardly sees them, the visible one knows them by shape and colour.
"""
import numpy as np

from .canvas import Canvas, cuboid
from .classes import BUMP, CAR_STOP, COLOR_CONE, CURVE, GUARDRAIL
from .conditions import Conditions
from .scenery import strip, upright_box


def curve(canvas: Canvas, cond: Conditions, side: int, edge: float,
          near: float, far: float, rng: np.random.Generator) -> None:
    """A kerb, stone or painted, along the edge of the road."""
    canvas.depth = 0.
    base = ((188, 184, 176), (214, 176, 60), (205, 205, 205),
            (160, 150, 140))[rng.integers(4)]
    heat = cond.surface(.05, .9)
    top = canvas.paint(base, heat, fine=.12, coarse=.12, retro=.35,
                       ground=True)
    face = canvas.paint(
        np.array(base) * .72, heat, fine=.12, coarse=.12, retro=.35,
        ground=True)
    height, width = .13, rng.uniform(.18, .28)
    x = side * edge
    with canvas.instance(CURVE):
        strip(canvas, x, x + side * width, near, far, top, height, 20)
        camera = canvas.camera
        z = np.geomspace(max(near, camera.nearest * .95), far, 20)
        foot = np.stack([camera.road_x(x, z), np.zeros(20), z], -1)
        rim = foot + (0., height, 0.)
        canvas.polygon3d(np.concatenate([foot, rim[::-1]]), face)


def car_stop(canvas: Canvas, cond: Conditions, x: float, z: float, yaw: float,
             style: int) -> None:
    """A parking block on the ground."""
    canvas.depth = z
    base = np.array(((186, 182, 174), (222, 186, 50), (228, 226, 220))[style])
    heat = cond.surface(.05, .95)
    tones = {'rear': .8, 'front': .8, 'left': .65, 'right': .65, 'top': 1.}
    corners = upright_box(x, z, .75, .17, .2, yaw)
    with canvas.instance(CAR_STOP):
        faces = cuboid(
            canvas, corners, {
                name: canvas.paint(base * tone, heat, fine=.1, retro=.4)
                for name, tone in tones.items()
            })
        if 'rear' in faces:
            mark = canvas.paint((214, 120, 30), heat, retro=2.)
            for at in (-.26, .26):
                box = upright_box(x, z, .1, .06, .21, yaw, .06)
                shift = (at * np.cos(yaw), 0., at * np.sin(yaw))
                canvas.polygon3d(box[[0, 1, 5, 4]] + shift, mark)
    canvas.cast(upright_box(x, z, .85, 0, .35, yaw)[:4], 130)


def guardrail(canvas: Canvas, cond: Conditions, side: int, x: float,
              near: float, far: float, style: tuple[int, bool]) -> None:
    """One span of a guardrail with the post at its far end.

    ``style`` is the number of the colour, and whether it is one steel
    beam instead of three tubes. A rail is drawn span by span, so that
    what stands behind it is hidden and what stands before it hides it.
    """
    camera = canvas.camera
    canvas.depth = near
    colour, beam = style
    base = np.array(((206, 208, 210), (150, 156, 160), (120, 92, 70))[colour])
    heat = cond.surface(.02, .5)
    post = canvas.paint(base * .7, heat, retro=.3)
    light = canvas.paint(base, heat, coarse=.1, retro=.5)
    dark = canvas.paint(base * .6, heat, coarse=.1, retro=.4)
    z = np.array([near, far])
    line = np.stack([camera.road_x(x, z), np.zeros(2), z], -1)

    def band(low, high, paint):
        canvas.polygon3d(
            np.concatenate([line + (0, low, 0), (line + (0, high, 0))[::-1]]),
            paint)

    with canvas.instance(GUARDRAIL):
        px = camera.road_x(x + side * .06, far)
        canvas.polygon3d([(px - .05, 0, far), (px + .05, 0, far),
                          (px + .05, .78, far), (px - .05, .78, far)], post)
        if beam:
            band(.44, .80, light)
            band(.56, .64, dark)
            band(.44, .48, dark)
        else:
            for low in (.28, .50, .72):
                band(low, low + .08, light)
    canvas.cast(
        np.concatenate([line - (.15, 0, 0), (line + (.15, 0, 0))[::-1]]), 70)


def cone(canvas: Canvas, cond: Conditions, x: float, z: float,
         rng: np.random.Generator) -> None:
    """A traffic cone with reflecting bands."""
    canvas.depth = z
    camera = canvas.camera
    height = rng.uniform(.6, .85)
    heat = cond.surface(.045, .9)
    orange = canvas.paint(
        ((228, 76, 26), (236, 98, 30), (214, 48, 30))[rng.integers(3)], heat,
        coarse=.06, retro=.8)
    white = canvas.paint((238, 236, 230), heat, retro=2.5)
    foot = canvas.paint((150, 48, 24), heat, retro=.4)
    with canvas.instance(COLOR_CONE):
        cuboid(canvas, upright_box(x, z, .42, .05, .42),
               dict.fromkeys(('rear', 'front', 'left', 'right', 'top'), foot))

        def slice_of(low, high, paint):
            wide = [.16 * (1 - t) + .03 for t in (low, high)]
            y = [.05 + t * height for t in (low, high)]
            canvas.polygon(
                camera.project([(x - wide[0], y[0], z), (x + wide[0], y[0], z),
                                (x + wide[1], y[1], z),
                                (x - wide[1], y[1], z)]), paint)

        slice_of(0., 1., orange)
        slice_of(.35, .5, white)
        slice_of(.65, .78, white)
    canvas.cast(upright_box(x, z, .55, 0, .55)[:4], 130)


def bump(canvas: Canvas, cond: Conditions, left: float, right: float, z: float,
         rng: np.random.Generator) -> None:
    """A striped speed bump across the road."""
    canvas.depth = 0.
    x0, x1 = canvas.camera.road_x(np.array([left, right]), z)
    heat = cond.surface(.05, .98)
    colours = ((226, 184, 40), (36, 36, 38))
    if rng.random() < .3:
        colours = ((226, 224, 216), (150, 60, 40))
    paints = [
        canvas.paint(colour, heat, fine=.12, coarse=.1, retro=.6, ground=True)
        for colour in colours
    ]
    sides = [
        canvas.paint(
            np.array(colour) * .7, heat, fine=.12, retro=.6, ground=True)
        for colour in colours
    ]
    deep, rise = rng.uniform(.45, .8), .09
    edges = np.linspace(x0, x1, max(int(abs(x1 - x0) / .45), 2) + 1)
    with canvas.instance(BUMP):
        for k in range(len(edges) - 1):
            a, b = edges[k], edges[k + 1]
            canvas.polygon3d([(a, 0, z), (b, 0, z), (b, rise, z + deep / 3),
                              (a, rise, z + deep / 3)], sides[k % 2])
            canvas.polygon3d([(a, rise, z + deep / 3), (b, rise, z + deep / 3),
                              (b, .02, z + deep), (a, .02, z + deep)],
                             paints[k % 2])
