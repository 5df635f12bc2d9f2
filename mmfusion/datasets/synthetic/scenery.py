"""What is not labelled: sky, ground, buildings, trees, lamps, clutter."""
from dataclasses import dataclass

import numpy as np

from .canvas import Canvas, cuboid, inset
from .conditions import Conditions


@dataclass(frozen=True)
class Street:
    """Measures of the street in metres; side -1 is left, +1 right.

    Attributes:
        half_width: Half the width of the carriageway.
        pavement: Width of the pavements.
        lot_side: Side with a parking lot instead of a pavement, or 0.
        wall: Distance of the buildings from the kerb, (left, right).
    """

    half_width: float
    pavement: float
    lot_side: int
    wall: tuple[float, float]


def strip(canvas: Canvas, x0: float, x1: float, near: float, far: float,
          material: int, height: float = 0., steps: int = 14) -> None:
    """A band along the road from depth ``near`` to ``far``."""
    camera = canvas.camera
    z = np.geomspace(max(near, camera.nearest * .95), far, steps)
    left = np.stack([camera.road_x(x0, z), np.full(steps, height), z], -1)
    right = np.stack([camera.road_x(x1, z), np.full(steps, height), z], -1)
    canvas.polygon3d(np.concatenate([left, right[::-1]]), material)


def paint_sky(canvas: Canvas, cond: Conditions, rng) -> None:
    """A gradient with clouds by day; a dark dome with city glow by
    night."""
    camera = canvas.camera
    height, width = camera.size
    if cond.night:
        zenith, horizon = np.array([8, 10, 18]), np.array([30, 28, 30])
        horizon = horizon * rng.uniform(.4, 1.2)
    elif rng.random() < .55:
        zenith, horizon = np.array([84, 136, 206]), np.array([196, 216, 235])
    else:
        zenith, horizon = np.array([176, 184, 192]), np.array([224, 228, 232])
    scale = 1. if cond.night else min(1.05, .6 + .5 * cond.ambient[1])
    heat = max(cond.air - rng.uniform(.07, .14), .015)
    bands = 40
    edges = np.linspace(0, camera.horizon + 2, bands + 1)
    for band in range(bands):
        share = (band + .5) / bands
        rgb = (zenith + (horizon - zenith) * share**1.5) * scale
        sky = canvas.paint(rgb, heat + .02 * share, glow=1.,
                           coarse=.02 if cond.night else .10)
        top, bottom = edges[band], edges[band + 1]
        canvas.polygon([(0, top), (width, top), (width, bottom), (0, bottom)],
                       sky)


def paint_skyline(canvas: Canvas, cond: Conditions, rng) -> None:
    """Far trees and roofs that close the view."""
    camera = canvas.camera
    width = camera.size[1]
    canvas.depth = 120.
    for layer in range(2):
        steps = 90
        x = np.linspace(-.02 * width, 1.02 * width, steps)
        rise = rng.uniform(.02, .07) * camera.size[0]
        rough = np.convolve(rng.standard_normal(steps + 4),
                            np.ones(5) / 2, mode='valid')
        bumps = rise * (1.2 - .4 * layer + .35 * rough)
        y = camera.horizon - np.maximum(bumps, 2.)
        tone = rng.uniform(.7, 1.1)
        green = np.array([52, 78, 48]) * tone
        tree = canvas.paint(green, cond.surface(.03, .3), fine=.45, coarse=.2)
        floor = camera.horizon + 3
        canvas.polygon(
            [*zip(x, y, strict=True), (x[-1], floor), (x[0], floor)], tree)


def paint_ground(canvas: Canvas, cond: Conditions, street: Street,
                 rng) -> None:
    """Verges, pavements or parking lot, asphalt, lane markings."""
    canvas.depth = 0.
    height, width = canvas.camera.size
    grass = rng.random() < .5
    verge = canvas.paint((74, 92, 52) if grass else (128, 124, 118),
                         cond.surface(.02, .5), fine=.25, coarse=.12,
                         ground=True)
    horizon = canvas.camera.horizon
    canvas.polygon([(0, horizon), (width, horizon), (width, height + 1),
                    (0, height + 1)], verge)
    tone = rng.uniform(62, 104)
    asphalt = canvas.paint((tone, tone, tone + rng.uniform(-4, 8)),
                           cond.surface(.05, 1.), fine=.16, coarse=.10,
                           ground=True)
    paving = canvas.paint(
        np.array([146, 138, 130]) * rng.uniform(.75, 1.1),
        cond.surface(.04, .8), fine=.10, coarse=.08, ground=True)
    seam = canvas.paint(np.array([112, 106, 100]), cond.surface(.03, .8),
                        ground=True)
    edge = street.half_width
    for side in (-1, 1):
        inner, outer = side * edge, side * (edge + street.pavement)
        if side == street.lot_side:
            strip(canvas, inner, side * (edge + 9), 1, 45, asphalt)
            continue
        strip(canvas, inner, outer, 1, 90, paving)
        for z in np.arange(2., 20., 1.5):
            strip(canvas, inner, outer, z, z + .03, seam, steps=2)
    strip(canvas, -edge, edge, 1, 110, asphalt)
    _markings(canvas, cond, street, rng)
    for _ in range(rng.integers(0, 3)):
        _patch(canvas, cond, street, rng)


def _markings(canvas, cond, street, rng):
    white = canvas.paint((214, 212, 204), cond.surface(.045, .95), fine=.15,
                         coarse=.15, retro=.7, ground=True)
    yellow = canvas.paint((206, 160, 50), cond.surface(.045, .95), fine=.15,
                          coarse=.15, retro=.6, ground=True)
    centre = yellow if rng.random() < .3 else white
    if rng.random() < .75:
        start = rng.uniform(0, 4)
        for z in np.arange(start, 70, 6.):
            strip(canvas, -.07, .07, z + 1, z + 4, centre, steps=4)
    if rng.random() < .7:
        for side in (-1, 1):
            x = side * (street.half_width - .45)
            strip(canvas, x - .06, x + .06, 1, 80, white)
    if rng.random() < .22:
        z = rng.uniform(8, 20)
        for x in np.arange(-street.half_width + .4, street.half_width, 1.):
            strip(canvas, x, x + .5, z, z + 3., white, steps=3)


def _patch(canvas, cond, street, rng):
    """A repaired patch, or a manhole that can be warm: heat without a
    living thing."""
    x = rng.uniform(-.8, .8) * street.half_width
    z = rng.uniform(5, 20)
    turn = np.linspace(0, 2 * np.pi, 20, endpoint=False)
    x = canvas.camera.road_x(x, z)
    disc = np.stack(
        [x + .38 * np.cos(turn),
         np.zeros(20), z + .38 * np.sin(turn)], -1)
    warm = rng.uniform(0, .5) if rng.random() < .6 else 0.
    canvas.polygon3d(
        disc,
        canvas.paint((62, 60, 58),
                     cond.body(warm) if warm else cond.surface(.03, .7),
                     fine=.3, ground=True))


def building(canvas: Canvas, cond: Conditions, side: int, x: float,
             near: float, far: float, rng) -> None:
    """A block whose front stands at ``x`` beside the road."""
    height = rng.uniform(5, 22)
    palette = np.array([(150, 118, 92), (170, 160, 146), (120, 116, 118),
                        (186, 176, 158), (138, 90, 74), (104, 112, 120)])
    base = palette[rng.integers(len(palette))] * rng.uniform(.7, 1.05)
    canvas.depth = (near + far) / 2
    heat = cond.surface(rng.uniform(.02, .06), rng.uniform(.2, .8))
    lit = rng.uniform(.75, 1.)
    wall = canvas.paint(base * lit, heat, fine=.06, coarse=.10)
    front = canvas.paint(base * rng.uniform(.5, .85), heat - .01, fine=.06,
                         coarse=.10)
    outer = x + side * 14
    shift = canvas.camera.bend * near**2 / 2
    x, outer = x + shift, outer + shift
    facade = np.array([(x, 0, near), (x, 0, far), (x, height, far),
                       (x, height, near)])
    end = np.array([(outer, 0, near), (x, 0, near), (x, height, near),
                    (outer, height, near)])
    canvas.polygon3d(facade, wall)
    canvas.polygon3d(end, front)
    windows = _window_paints(canvas, cond, heat, rng)
    floors = max(int(height / 3), 1)
    _windows(canvas, facade, floors, max(int((far - near) / 2.6), 1), windows,
             rng)
    _windows(canvas, end, floors, 5, windows, rng)


def _window_paints(canvas, cond, heat, rng):
    """Dark panes, and lit ones at night; panes hide the warmth behind
    them and mirror a cold sky."""
    pane = canvas.paint((58, 70, 84), heat - .035, coarse=.3)
    pale = canvas.paint((120, 138, 150), heat - .03, coarse=.3)
    if not cond.night:
        return [pane, pale, pane], [.6, .3, .1]
    warm = canvas.paint((255, 214, 140), heat + .03, glow=rng.uniform(.25, .9))
    cool = canvas.paint((214, 236, 240), heat + .03, glow=rng.uniform(.25, .8))
    lit = rng.uniform(.05, .4)
    return [pane, warm, cool], [1 - lit, .65 * lit, .35 * lit]


def _windows(canvas, face, floors, columns, windows, rng):
    paints, chances = windows
    choice = rng.choice(len(paints), size=(floors, columns), p=chances)
    for floor in range(floors):
        low, high = (floor + .3) / floors, (floor + .78) / floors
        for column in range(columns):
            hole = inset(face, (column + .2) / columns,
                         (column + .8) / columns, low, high)
            canvas.polygon3d(hole, paints[choice[floor, column]])


def tree(canvas: Canvas, cond: Conditions, x: float, z: float, rng) -> None:
    """A trunk under a crown made of leafy blobs."""
    camera = canvas.camera
    canvas.depth = z
    scale = camera.focal / z
    height = rng.uniform(4.5, 9.)
    foot = camera.project([x, 0, z])
    fork = camera.project([x + rng.uniform(-.3, .3), height * .5, z])
    bark = canvas.paint((84, 68, 54), cond.surface(.04, .4), fine=.3)
    width = rng.uniform(.2, .4) * scale
    canvas.limb(foot, fork, width, width * .6, bark)
    radius = rng.uniform(1.3, 2.3)
    hue = np.array([54, 88, 40]) + rng.uniform(-12, 18, 3)
    heat = cond.surface(rng.uniform(.0, .05), .35)
    blobs = 46
    turn = rng.uniform(0, 2 * np.pi, blobs)
    away = radius * np.sqrt(rng.uniform(0, 1, blobs))
    where = np.stack([away * np.cos(turn), .8 * away * np.sin(turn)], -1)
    tones = 1. + .3 * where[:, 1] / radius + rng.uniform(-.2, .2, blobs)
    sizes = radius * (.22 + .3 *
                      (1 - away / radius)) * rng.uniform(.7, 1.2, blobs)
    for k in np.argsort(away)[::-1]:
        leaf = canvas.paint(hue * max(tones[k], .4),
                            heat + rng.uniform(-.012, .012), fine=.55)
        centre = camera.project(
            [x + where[k, 0], height * .7 + where[k, 1], z])
        canvas.ellipse(centre, (sizes[k] * scale, sizes[k] * scale * .8), leaf,
                       rng.uniform(-40, 40))
    _ground_shadow(canvas, x, z, radius * .8, 150)


def lamp(canvas: Canvas, cond: Conditions, side: int, x: float, z: float,
         lit: bool, rng) -> None:
    """A street lamp; when lit it is a light for everything around."""
    camera = canvas.camera
    canvas.depth = z
    scale = camera.focal / z
    height = rng.uniform(4.5, 6.5)
    reach = x - side * 1.1
    pole = canvas.paint((92, 96, 98), cond.surface(-.01, .2))
    top = camera.project([x, height, z])
    head = camera.project([reach, height + .1, z])
    canvas.limb(camera.project([x, 0, z]), top, .14 * scale, .09 * scale, pole)
    canvas.limb(top, head, .08 * scale, .08 * scale, pole)
    colour = ((255, 226, 170), (255, 190, 110), (225, 240,
                                                 255))[rng.integers(3)]
    bulb = canvas.paint(colour if lit else (190, 190, 184),
                        cond.body(.75) if lit else cond.surface(-.01),
                        glow=7. if lit else 0.)
    canvas.ellipse(head, (.32 * scale, .11 * scale), bulb)
    if lit:
        linear = np.square(np.array(colour) / 255.)
        canvas.lights.append(((reach, height, z), linear, rng.uniform(.25, .6),
                              rng.uniform(4., 6.5)))


def clutter(canvas: Canvas, cond: Conditions, x: float, z: float, rng) -> None:
    """A bin, a hedge, a sign or a warm vent: nothing that is labelled."""
    kind = rng.choice(['bin', 'hedge', 'sign', 'vent'], p=[.25, .4, .25, .1])
    canvas.depth = z
    if kind == 'sign':
        _sign(canvas, cond, x, z, rng)
        return
    width, height, deep = {
        'bin': (.6, 1.05, .6),
        'hedge': (rng.uniform(1.2, 3), 1., 1.),
        'vent': (.8, .9, .6)
    }[kind]
    rgb = {
        'bin': (60, 84, 92),
        'hedge': (50, 80, 40),
        'vent': (150, 150, 146)
    }[kind]
    heat = {
        'bin': cond.surface(.01, .4),
        'hedge': cond.surface(.02, .3),
        'vent': cond.body(rng.uniform(.5, .85))
    }[kind]
    fine = .5 if kind == 'hedge' else .08
    corners = upright_box(x, z, width, height, deep)
    shades = {'rear': .8, 'front': .8, 'left': .65, 'right': .65, 'top': 1.}
    cuboid(
        canvas, corners, {
            name: canvas.paint(np.array(rgb) * tone, heat, fine=fine)
            for name, tone in shades.items()
        })
    _ground_shadow(canvas, x, z, width * .7, 120)


def _sign(canvas, cond, x, z, rng):
    camera, scale = canvas.camera, canvas.camera.focal / z
    heat = cond.surface(-.005, .3)
    pole = canvas.paint((140, 142, 144), heat)
    canvas.limb(camera.project([x, 0, z]), camera.project([x, 2.5, z]),
                .07 * scale, .07 * scale, pole)
    face = ((200, 40, 36), (40, 80, 170), (236, 236, 230))[rng.integers(3)]
    centre = camera.project([x, 2.3, z])
    rim = canvas.paint((235, 235, 230), heat, retro=1.5)
    plate = canvas.paint(face, heat, retro=1.5)
    canvas.ellipse(centre, (.32 * scale, .32 * scale), rim)
    canvas.ellipse(centre, (.26 * scale, .26 * scale), plate)


def upright_box(x: float, z: float, width: float, height: float, deep: float,
                yaw: float = 0., base: float = 0.):
    """Corners (8, 3) of a box on the ground for :func:`cuboid`."""
    flat = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)]) / 2 * (width, deep)
    turn = np.array([[np.cos(yaw), np.sin(yaw)], [-np.sin(yaw), np.cos(yaw)]])
    flat = flat @ turn + (x, z)
    return np.array([(px, y, pz) for y in (base, base + height)
                     for px, pz in flat])


def _ground_shadow(canvas, x, z, radius, strength):
    turn = np.linspace(0, 2 * np.pi, 16, endpoint=False)
    canvas.cast(
        np.stack([
            x + radius * np.cos(turn),
            np.zeros(16), z + radius * np.sin(turn)
        ], -1), strength)
