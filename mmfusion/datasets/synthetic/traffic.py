"""Cars and bicycles, built in three dimensions from simple faces."""
import cv2
import numpy as np

from .canvas import FACES, Canvas, cuboid, inset
from .classes import BIKE, CAR
from .conditions import Conditions
from .people import rider

_TURN = np.linspace(0, 2 * np.pi, 22, endpoint=False)
_COLOURS = ((226, 226, 224), (172, 176, 180), (34, 34, 38), (60, 64, 70),
            (150, 30, 28), (34, 62, 130), (70, 92, 78), (196, 168, 60))


class _Placed:
    """Turns local coordinates (x right, y up, z along) into the world."""

    def __init__(self, x: float, z: float, yaw: float):
        self.origin = np.array([x, 0., z])
        cos, sin = np.cos(yaw), np.sin(yaw)
        self.turn = np.array([[cos, 0, -sin], [0, 1, 0], [sin, 0, cos]])

    def __call__(self, points) -> np.ndarray:
        return np.asarray(points, float) @ self.turn + self.origin


def _frustum(low, high, bottom, top):
    """Eight corners from two rectangles (x half, z rear, z front)."""
    corners = []
    for y, (half, rear, front) in ((low, bottom), (high, top)):
        corners += [(-half, y, rear), (half, y, rear), (half, y, front),
                    (-half, y, front)]
    return np.array(corners)


def car(canvas: Canvas, cond: Conditions, x: float, z: float, yaw: float,
        running: bool, rng: np.random.Generator) -> None:
    """A car; ``yaw`` 0 shows its rear, pi its front.

    A running engine warms bonnet, tyres, exhaust and the ground below;
    a parked car has the temperature of its surroundings.
    """
    canvas.depth = z
    van = rng.random() < .25
    length = rng.uniform(3.9, 4.7)
    half = rng.uniform(.82, .92)
    roof = rng.uniform(1.75, 2.1) if van else rng.uniform(1.38, 1.55)
    belt = .95 if van else .82
    rear, front = -length / 2, length / 2
    place = _Placed(x, z, yaw)
    colour = np.array(_COLOURS[rng.integers(len(_COLOURS))], float)
    colour = colour * rng.uniform(.85, 1.05)
    cold = cond.surface(rng.uniform(-.015, .015), rng.uniform(.2, .9))
    warm = rng.uniform(.55, 1.) if running else 0.
    heat = {
        'rear': cold + warm * .10,
        'front': cold + warm * .38,
        'left': cold + warm * .13,
        'right': cold + warm * .13,
        'top': cold + warm * .16,
    }
    tone = {'rear': .8, 'front': .8, 'left': .68, 'right': .68, 'top': 1.}
    with canvas.instance(CAR):
        _wheels(canvas, cond, place, half, length, warm)
        under = canvas.paint((14, 14, 15), cold + warm * .25)
        cuboid(
            canvas,
            place(
                _frustum(.16, .45, (half * .9, rear + .2, front - .2),
                         (half * .9, rear + .2, front - .2))),
            dict.fromkeys(FACES, under))
        body = place(
            _frustum(.3, belt, (half, rear, front),
                     (half * .97, rear + .05, front - .12)))
        faces = cuboid(
            canvas, body, {
                name:
                canvas.paint(colour * tone[name], heat[name], coarse=.1,
                             retro=.2) for name in FACES
            })
        trim = canvas.paint(colour * .3, cold + warm * .12)
        for name in faces - {'top'}:
            canvas.polygon3d(inset(body[FACES[name]], 0, 1, 0, .16), trim)
        for side in ('left', 'right'):
            if side in faces:
                _side_wheels(canvas, cond, place,
                             half if side == 'right' else -half, length, warm)
        bonnet = .15 if van else .95
        cabin = place(
            _frustum(belt, roof, (half * .95, rear + .1, front - bonnet),
                     (half * .8, rear + (.15 if van else .55), front - bonnet -
                      (.35 if van else .75))))
        _cabin(canvas, cond, cabin, colour, tone, cold, warm)
        for end in ('rear', 'front'):
            if end in faces:
                _lights(canvas, cond, body[FACES[end]], end, cold, warm)
        if 'rear' in faces and running:
            pipe = canvas.camera.project(place([[half * .55, .3, rear]]))[0]
            radius = .07 * canvas.camera.focal / z
            canvas.ellipse(pipe, (radius, radius * .8),
                           canvas.paint((40, 40, 40), 1.))
    footprint = place(_frustum(0, 0, (half, rear, front),
                               (half, rear, front)))[:4]
    canvas.cast(footprint, 215, int(45 * warm))
    if running and cond.night and 'front' in faces:
        ahead = place([[0, .7, front + 4.]])[0]
        canvas.lights.append((tuple(ahead), (1., .97, .9), .35, 3.))


def _disc(side, radius, at):
    return np.stack([
        np.full(22, side), radius + radius * np.sin(_TURN),
        at + radius * np.cos(_TURN)
    ], -1)


def _wheels(canvas, cond, place, half, length, warm):
    tyre = canvas.paint((20, 20, 22), cond.surface(.01) + warm * .45)
    for side in (-1, 1):
        for at in (-.3 * length, .31 * length):
            outer = _disc(side * half, .31, at)
            inner = _disc(side * (half - .2), .31, at)
            shape = canvas.camera.project(place(np.concatenate([outer,
                                                                inner])))
            canvas.polygon(_hull(shape), tyre)


def _side_wheels(canvas, cond, place, side, length, warm):
    tyre = canvas.paint((22, 22, 24), cond.surface(.01) + warm * .42)
    rim = canvas.paint((134, 136, 140), cond.surface(0.) + warm * .55)
    for at in (-.3 * length, .31 * length):
        for radius, paint in ((.31, tyre), (.19, rim)):
            disc = _disc(side, radius, at)
            disc[:, 1] += .31 - radius
            canvas.polygon3d(place(disc), paint)


def _hull(points):
    return cv2.convexHull(points.astype(np.float32))[:, 0]


def _cabin(canvas, cond, cabin, colour, tone, cold, warm):
    roof = cold + warm * .08
    faces = cuboid(
        canvas, cabin, {
            name:
            canvas.paint(colour * tone[name] * .95, roof, coarse=.05, retro=.2)
            for name in FACES
        })
    glass = canvas.paint((40, 48, 56),
                         cond.surface(-.03) + warm * .05, coarse=.25)
    for name in faces - {'top'}:
        face = cabin[FACES[name]]
        spans = [(.06, .94)]
        if name in ('left', 'right'):
            spans = [(.07, .47), (.53, .93)]
        for left, right in spans:
            canvas.polygon3d(inset(face, left, right, .14, .86), glass)


def _lights(canvas, cond, face, end, cold, warm):
    on = warm > 0 and cond.night
    if end == 'rear':
        paint = canvas.paint((190, 22, 18), cold + .03, retro=1.2,
                             glow=1.6 if on else 0.)
        low, high, width = .45, .8, .14
    else:
        paint = canvas.paint((250, 246, 230), cold + warm * .5, retro=.3,
                             glow=22. if on else 0.)
        low, high, width = .5, .82, .16
    canvas.polygon3d(inset(face, .04, .04 + width, low, high), paint)
    canvas.polygon3d(inset(face, .96 - width, .96, low, high), paint)
    plate = canvas.paint((226, 226, 214), cold, retro=.8)
    canvas.polygon3d(inset(face, .38, .62, .22, .42), plate)


def bike(canvas: Canvas, cond: Conditions, x: float, z: float, yaw: float,
         ridden: bool, rng: np.random.Generator) -> None:
    """A bicycle; ``yaw`` 0 points away, pi/2 shows its side. A ridden
    one carries a person; a parked one is as cold as the street."""
    canvas.depth = z
    scale = canvas.camera.focal / z
    place = _Placed(x, z, yaw)
    radius = .34

    def pixel(y, along, across=0.):
        return canvas.camera.project(place([[across, y, along]]))[0]

    cold = cond.surface(-.005, .3)
    warm = .12 if ridden else 0.
    colour = np.array(
        ((30, 30, 34), (190, 190, 192), (160, 34, 30), (36, 70, 140),
         (60, 110, 70), (220, 200, 60))[rng.integers(6)])
    frame = canvas.paint(colour, cold + warm * .5, retro=.3)
    tyre = canvas.paint((28, 28, 30), cold + warm)
    spoke = canvas.paint((150, 150, 150), cold)
    with canvas.instance(BIKE):
        for at in (-.53, .53):
            outer = canvas.camera.project(place(_disc(0., radius, at)))
            canvas.polygon(outer, None)
            for start in range(0, 11, 2):
                canvas.limb(outer[start], outer[start + 11], .012 * scale,
                            .012 * scale, spoke)
            for k in range(22):
                canvas.limb(outer[k], outer[(k + 1) % 22], .055 * scale,
                            .055 * scale, tyre)
        back, head = pixel(radius, -.53), pixel(.88, .36)
        crank, seat = pixel(.3, -.08), pixel(.85, -.2)
        thick = .05 * scale
        canvas.polygon([seat, head, crank, back], None)
        for start, end in ((back, crank), (back, seat), (seat, crank),
                           (crank, head), (seat, head),
                           (head, pixel(radius, .53)), (head, pixel(1.02,
                                                                    .32))):
            canvas.limb(start, end, thick, thick, frame)
        canvas.limb(pixel(1.02, .32, -.27), pixel(1.02, .32, .27), thick,
                    thick, tyre)
        canvas.limb(pixel(.93, -.3), pixel(.93, -.06), .09 * scale,
                    .07 * scale, tyre)
        if cond.night and ridden:
            dot = canvas.paint((255, 240, 210), cold, glow=5.)
            canvas.ellipse(pixel(.9, .42), (.05 * scale, .05 * scale), dot)
    tips = place([[-.12, 0, -.9], [.12, 0, -.9], [.12, 0, .9], [-.12, 0, .9]])
    canvas.cast(tips, 110)
    if ridden:
        rider(canvas, cond, pixel, scale, rng)
