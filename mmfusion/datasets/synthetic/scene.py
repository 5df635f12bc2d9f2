"""Composition of one synthetic street: who stands where, far to near."""
from functools import partial

import cv2
import numpy as np

from . import scenery, street_things, traffic
from .canvas import Camera, Canvas
from .classes import BOX_CLASSES
from .conditions import Conditions, draw_conditions
from .people import person
from .scenery import Street
from .sensors import render

MIN_SIDE, MAX_SIDE = 32, 4096


def generate_scene(seed, size: tuple[int, int] = (480, 640),
                   night: bool = False) -> dict:
    """Draw a street with the nine MFNet classes in both modalities.

    What is warm (people, running engines, tyres, exhausts, a manhole)
    shows in the infrared image; markings, kerbs, cones, bumps, parking
    blocks, guardrails and parked cars show in the visible one, as far as
    there is light.

    Args:
        seed (int | Sequence[int] | np.random.Generator): Where all draws
            come from; equal seeds give equal images.
        size (tuple[int, int]): (height, width), each 32 to 4096.
        night (bool): A night scene instead of one by day.

    Returns:
        dict: ``vis`` (H, W, 3) uint8 RGB, ``ir`` (H, W) uint8, ``label``
        (H, W) uint8 with the classes 0 to 8 and ``boxes``, a list of
        ``(class_id, x1, y1, x2, y2)`` in pixels around what is visible
        of each car, person, bike, parking block, cone and bump.

    Raises:
        ValueError: If the size is out of range.
    """
    height, width = checked_size(size)
    rng = np.random.default_rng(seed)
    cond = draw_conditions(rng, night)
    camera = Camera(size=(height, width),
                    focal=rng.uniform(.8, .95) * max(width, height * .9),
                    horizon=rng.uniform(.38, .50) * height,
                    centre=rng.uniform(.38, .62) * width,
                    eye=rng.uniform(1.35, 1.9), bend=rng.normal(0, .004))
    canvas = Canvas(camera)
    street = Street(
        half_width=rng.uniform(3.2, 4.6), pavement=rng.uniform(2.2, 3.4),
        lot_side=int(rng.choice([-1, 1])) if rng.random() < .5 else 0,
        wall=(rng.uniform(3.5, 9), rng.uniform(3.5, 9)))
    _Composer(canvas, cond, street, rng).compose()
    vis, ir = render(canvas, cond, rng)
    label, boxes = canvas.labels_and_boxes(BOX_CLASSES)
    return dict(vis=vis, ir=ir, label=label, boxes=boxes)


def checked_size(size) -> tuple[int, int]:
    """(height, width) as two integers in range, or ValueError."""
    try:
        height, width = (int(side) for side in size)
    except (TypeError, ValueError):
        raise ValueError(
            f'size: expected two integers (height, width), got {size!r}'
        ) from None
    if not all(MIN_SIDE <= side <= MAX_SIDE for side in (height, width)):
        raise ValueError(
            f'size: expected height and width from {MIN_SIDE} to '
            f'{MAX_SIDE}, got {height} x {width}; choose another size')
    return height, width


class _Composer:
    """Places the objects of one scene and draws them far to near."""

    def __init__(self, canvas: Canvas, cond: Conditions, street: Street,
                 rng: np.random.Generator):
        self.canvas, self.cond = canvas, cond
        self.street, self.rng = street, rng
        self.camera = canvas.camera
        self.items: list[tuple] = []
        self.taken: list[tuple[float, float, float]] = []
        self.lot_rows: list[float] = []

    def compose(self) -> None:
        canvas, cond, rng = self.canvas, self.cond, self.rng
        scenery.paint_sky(canvas, cond, rng)
        scenery.paint_skyline(canvas, cond, rng)
        scenery.paint_ground(canvas, cond, self.street, rng)
        self._flat_things()
        self._surroundings()
        if self.street.lot_side:
            self._parking_lot()
        self._guardrails()
        self._cones()
        self._cars()
        self._bikes()
        self._people()
        for _, draw in sorted(self.items, key=lambda item: -item[0]):
            draw()
        self._trim_shadows()

    def _trim_shadows(self):
        """Keep shadow and warmth below the horizon."""
        top = max(int(self.camera.horizon), 0)
        for layer in (self.canvas.shadow, self.canvas.warmth):
            cv2.rectangle(layer, (0, 0), (self.camera.size[1], top), 0, -1)

    def _add(self, depth, function, *args):
        self.items.append(
            (depth, partial(function, self.canvas, self.cond, *args)))

    def _spot(self, lows, highs, near, far, radius, tries=14):
        """A free, visible ground point, or None.

        ``lows``/``highs`` bound x on the straight road; depth is drawn
        evenly in its logarithm, as objects fill a picture.
        """
        for _ in range(tries):
            z = float(np.exp(self.rng.uniform(np.log(near), np.log(far))))
            x = self.rng.uniform(lows, highs)
            world = self.camera.road_x(x, z)
            free = all((world - ox)**2 + (z - oz)**2 > (radius + other)**2
                       for ox, oz, other in self.taken)
            if free and self.camera.sees(world, z):
                self.taken.append((world, z, radius))
                return world, z
        return None

    def _flat_things(self):
        rng, edge = self.rng, self.street.half_width
        for side in (-1, 1):
            if rng.random() < .5:
                near = rng.uniform(1, 6)
                street_things.curve(self.canvas, self.cond, side, edge, near,
                                    rng.uniform(20, 70), rng)
        if rng.random() < .45:
            z = float(np.exp(rng.uniform(np.log(5), np.log(16))))
            left, right = ((-edge, edge), (-edge, 0.), (0.,
                                                        edge))[rng.integers(3)]
            street_things.bump(self.canvas, self.cond, left + .1, right - .1,
                               z, rng)

    def _surroundings(self):
        rng, street = self.rng, self.street
        lit = self.cond.night and rng.random() < .85
        for side in (-1, 1):
            wall = street.half_width + street.wall[side > 0]
            if side == street.lot_side:
                wall = street.half_width + 10.
            built = rng.random() < .75
            z = rng.uniform(6, 16)
            while z < 80:
                far = z + rng.uniform(8, 20)
                if built and rng.random() < .8:
                    self._add(z + .6 * (far - z), scenery.building, side,
                              side * wall, z, far, rng)
                z = far + rng.uniform(0, 6)
            self._greenery(side, wall, built)
            if rng.random() < .75:
                for z in np.arange(rng.uniform(6, 14), 60, 16.):
                    x = self.camera.road_x(side * (street.half_width + .7), z)
                    self._add(z, scenery.lamp, side, x, z, lit, rng)

    def _greenery(self, side, wall, built):
        rng, street = self.rng, self.street
        count = rng.integers(1, 4) if built else rng.integers(5, 9)
        for _ in range(count):
            z = float(np.exp(rng.uniform(np.log(9), np.log(55))))
            if side == street.lot_side:
                x = side * (wall + rng.uniform(0, 4))
            else:
                x = side * (street.half_width + street.pavement +
                            rng.uniform(.2, 2. if built else 7.))
            x = self.camera.road_x(x, z)
            self._add(z, scenery.tree, x, z, rng)
        for _ in range(rng.integers(1, 4)):
            x = side * (street.half_width + street.pavement * .9)
            spot = self._spot(x - .5, x + .5, 6, 35, .6)
            if spot:
                self._add(spot[1], scenery.clutter, *spot, rng)

    def _parking_lot(self):
        """Bays with parking blocks, some of them with a cold car."""
        rng, side = self.rng, self.street.lot_side
        style = int(rng.integers(3))
        inner = self.street.half_width + rng.uniform(.6, 1.5)
        self.canvas.depth = 0.
        white = self.canvas.paint(
            (205, 203, 196), self.cond.surface(.045, .95), fine=.15, retro=.6,
            ground=True)
        start = rng.uniform(3.5, 7)
        for z in start + 2.6 * np.arange(6):
            shift = self.camera.road_x(0., z)
            line = np.array([(side * inner, 0, z),
                             (side * (inner + 4.8), 0, z),
                             (side * (inner + 4.8), 0, z + .12),
                             (side * inner, 0, z + .12)]) + (shift, 0, 0)
            self.canvas.polygon3d(line, white)
            middle = z + 1.3
            x = shift + side * (inner + .9)
            for offset in (-.55, .55):
                self._add(middle + offset, street_things.car_stop, x,
                          middle + offset, np.pi / 2 + side * .03, style)
            if rng.random() < .35:
                x = shift + side * (inner + 3.6)
                self.taken.append((x, middle, 2.))
                yaw = side * np.pi / 2 * rng.choice([-1, 1])
                self._add(middle, traffic.car, x, middle, yaw,
                          rng.random() < .15, rng)

    def _guardrails(self):
        rng, street = self.rng, self.street
        if rng.random() < .55:
            side = -street.lot_side or int(rng.choice([-1, 1]))
            near = max(rng.uniform(2, 9), self.camera.nearest)
            x = side * (street.half_width + .35)
            style = (int(rng.integers(3)), rng.random() < .6)
            for z in near + 2. * np.arange(rng.integers(4, 16)):
                self._add(z, street_things.guardrail, side, x, z, z + 2.,
                          style)

    def _cones(self):
        rng, edge = self.rng, self.street.half_width
        if rng.random() > .55:
            return
        count = int(rng.integers(2, 7))
        first = self._spot(-edge, edge, 4.5, 14, .4)
        if first is None:
            return
        x, z = first
        step = (rng.uniform(-.7, .7), rng.uniform(.8, 2.2))
        for k in range(count):
            at = (x + k * step[0], z + k * step[1])
            self.taken.append((*at, .3))
            self._add(at[1], street_things.cone, *at, rng)

    def _cars(self):
        rng, edge = self.rng, self.street.half_width
        for side in (-1, 1):
            if rng.random() < .62:
                x = side * edge * .5
                spot = self._spot(x - .3, x + .3, 7, 40, 2.3)
                if spot:
                    yaw = (np.pi if side < 0 else 0.) + rng.normal(0, .05)
                    self._add(spot[1], traffic.car, *spot, yaw,
                              rng.random() < .85, rng)
        for _ in range(rng.integers(0, 4)):
            side = rng.choice([-1, 1])
            x = side * (edge - .9)
            spot = self._spot(x - .1, x + .1, 7, 40, 2.3)
            if spot:
                yaw = (np.pi if side < 0 else 0.) + rng.normal(0, .03)
                self._add(spot[1], traffic.car, *spot, yaw,
                          rng.random() < .25, rng)
        if rng.random() < .15:
            spot = self._spot(-edge, edge, 10, 25, 2.6)
            if spot:
                yaw = rng.choice([-1, 1]) * np.pi / 2
                self._add(spot[1], traffic.car, *spot, yaw + rng.normal(0, .1),
                          True, rng)

    def _bikes(self):
        rng, street = self.rng, self.street
        if rng.random() < .6:
            spot = self._spot(-street.half_width, street.half_width, 5, 24, 1.)
            if spot:
                yaw = rng.choice([0., np.pi / 2, np.pi, -np.pi / 2])
                self._add(spot[1], traffic.bike, *spot,
                          yaw + rng.normal(0, .25), True, rng)
        if rng.random() < .7:
            side = rng.choice([-1, 1])
            x = side * (street.half_width + street.pavement * .6)
            spot = self._spot(x - .6, x + .6, 5, 20, 1.)
            yaw = rng.uniform(.5, 1.57) * rng.choice([-1, 1])
            for k in range(rng.integers(1, 5) if spot else 0):
                z = spot[1] + k * rng.uniform(.5, .8)
                self._add(z, traffic.bike, spot[0], z,
                          yaw + rng.normal(0, .08), False, rng)

    def _people(self):
        rng, street = self.rng, self.street
        reach = street.half_width + street.pavement
        for _ in range(rng.integers(1, 5)):
            if rng.random() < .35:
                low, high = -street.half_width, street.half_width
            else:
                side = rng.choice([-1, 1])
                low, high = sorted((side * street.half_width, side * reach))
            spot = self._spot(low, high, 4.5, 32, .45)
            if not spot:
                continue
            self._add(spot[1], person, *spot, rng)
            if rng.random() < .35:
                x, z = spot[0] + rng.uniform(.5, .7), spot[1] + .2
                self.taken.append((x, z, .4))
                self._add(z, person, x, z, rng)
