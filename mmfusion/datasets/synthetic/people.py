"""Persons on foot and on bicycles, as jointed figures."""
import numpy as np

from .canvas import Canvas
from .classes import PERSON
from .conditions import Conditions

_CLOTHES = ((28, 30, 40), (52, 52, 56), (70, 76, 92), (120, 40, 40),
            (40, 60, 110), (196, 190, 180), (90, 84, 64), (46, 80, 60),
            (222, 222, 220), (168, 120, 60))
_SKIN = ((226, 182, 150), (196, 146, 112), (140, 98, 72), (98, 68, 52))
_HAIR = ((26, 22, 20), (70, 50, 34), (120, 92, 58), (150, 148, 146))


class _Wardrobe:
    """Materials of one person: clothes dim the warmth of the body."""

    def __init__(self, canvas: Canvas, cond: Conditions, rng):
        dark = .75 if cond.night else 1.

        def pick(colours, heat, fine=.05):
            rgb = np.array(colours[rng.integers(len(colours))]) * dark
            return canvas.paint(rgb, cond.body(heat), fine=fine)

        coat = rng.uniform(.45, .8)
        self.skin = pick(_SKIN, 1.)
        self.hair = pick(_HAIR, .72)
        self.top = pick(_CLOTHES, coat, .08)
        self.sleeve = canvas.paint(
            np.array(_CLOTHES[rng.integers(3)]) *
            dark, cond.body(coat - .06)) if rng.random() < .2 else self.top
        self.trousers = pick(_CLOTHES[:6], rng.uniform(.5, .78), .08)
        self.shoes = pick(((30, 28, 28), (150, 150, 150), (90, 70, 50)), .3)
        self.bag = pick(_CLOTHES, .14)


def person(canvas: Canvas, cond: Conditions, x: float, z: float,
           rng: np.random.Generator) -> None:
    """A person standing or walking at the ground point (x, z)."""
    canvas.depth = z
    wear = _Wardrobe(canvas, cond, rng)
    tall = rng.uniform(1.5, 1.88)
    scale = canvas.camera.focal / z * tall / 1.75
    foot = canvas.camera.project([x, 0., z])
    face = rng.choice([-1, 1])
    stride = rng.uniform(.05, .42) if rng.random() < .75 else .06
    bend = rng.uniform(.0, .12)
    swing = stride * rng.uniform(.6, 1.1)

    def at(right, up):
        return foot + np.array([face * right, -up]) * scale

    def draw(start, end, width_start, width_end, paint):
        canvas.limb(at(*start), at(*end), width_start * scale,
                    width_end * scale, paint)

    hips, neck = (0., .9), (.02 + .02 * bend, 1.47)
    with canvas.instance(PERSON):
        for lead in (-1, 1):
            hip = (.06 * lead, .92)
            knee = (lead * (.03 + stride * .45) + bend, .5)
            ankle = (lead * (.05 + stride * .85),
                     .09 + (.06 if lead < 0 else 0.))
            toe = (ankle[0] + .13, ankle[1] - .05)
            draw(ankle, toe, .10, .07, wear.shoes)
            draw(hip, knee, .19, .14, wear.trousers)
            draw(knee, ankle, .14, .10, wear.trousers)
            if lead < 0:
                _arm(draw, neck, swing, wear)
                _torso(canvas, at, hips, neck, wear, rng, scale)
        _arm(draw, neck, -swing, wear)
        _head(canvas, at, (neck[0] + .03, neck[1] + .16), wear, scale)
    spread = .3 * tall / 1.75
    turn = np.linspace(0, 2 * np.pi, 12, endpoint=False)
    canvas.cast(
        np.stack([
            x + spread * np.cos(turn),
            np.zeros(12), z + spread * np.sin(turn)
        ], -1), 130)


def _torso(canvas, at, hips, neck, wear, rng, scale):
    if rng.random() < .35:
        back = at(-.16, 1.22)
        canvas.ellipse(back, (.14 * scale, .22 * scale), wear.bag)
    low, high = np.array(hips), np.array(neck)
    outline = [
        low + (-.15, -.08), low + (.15, -.08), low + (.14, .12),
        high + (.20, -.12), high + (.15, -.02), high + (.05, .03),
        high + (-.05, .03), high + (-.15, -.02), high + (-.20, -.12),
        low + (-.14, .12)
    ]
    canvas.polygon([at(*point) for point in outline], wear.top)


def _arm(draw, neck, swing, wear):
    shoulder = (neck[0] + (.13 if swing < 0 else -.13), neck[1] - .08)
    elbow = (shoulder[0] + swing * .45, shoulder[1] - .28)
    hand = (elbow[0] + swing * .35 + .07, elbow[1] - .23)
    draw(shoulder, elbow, .11, .09, wear.sleeve)
    draw(elbow, hand, .09, .07, wear.sleeve)
    draw(hand, (hand[0] + .01, hand[1] - .06), .075, .06, wear.skin)


def _head(canvas, at, centre, wear, scale):
    cx, cy = centre
    canvas.limb(at(cx - .03, cy - .17), at(cx, cy - .05), .10 * scale,
                .10 * scale, wear.skin)
    canvas.ellipse(at(cx - .015, cy + .02), (.105 * scale, .125 * scale),
                   wear.hair)
    canvas.ellipse(at(cx + .03, cy - .015), (.075 * scale, .10 * scale),
                   wear.skin)


def rider(canvas: Canvas, cond: Conditions, pixel, scale: float,
          rng: np.random.Generator) -> None:
    """A person on a bicycle; ``pixel(up, along, across)`` places its
    joints in the bicycle's own coordinates."""
    wear = _Wardrobe(canvas, cond, rng)
    hip, neck = (.95, -.2), (1.45, .06)

    def draw(start, end, width_start, width_end, paint):
        canvas.limb(pixel(*start), pixel(*end), width_start * scale,
                    width_end * scale, paint)

    with canvas.instance(PERSON):
        for side, pedal in ((-.1, .42), (.1, .16)):
            knee = (pedal + .36, .18, side)
            draw((*hip, side), knee, .17, .13, wear.trousers)
            draw(knee, (pedal, -.05, side), .13, .09, wear.trousers)
            draw((pedal - .03, -.05, side), (pedal - .05, .1, side), .08, .07,
                 wear.shoes)
        for side in (-.15, .15):
            draw((1.38, .06, side), (1.15, .22, side * 1.3), .10, .08,
                 wear.sleeve)
            draw((1.15, .22, side * 1.3), (1.05, .34, side * 1.5), .08, .06,
                 wear.skin)
        for side in (-.07, .07):
            draw((hip[0] - .02, hip[1], side),
                 (neck[0] - .05, neck[1], side * 1.6), .26, .28, wear.top)
        draw(neck, (1.52, .1), .10, .10, wear.skin)
        head = pixel(1.63, .12)
        canvas.ellipse(head, (.1 * scale, .125 * scale), wear.hair)
        canvas.ellipse(pixel(1.61, .16), (.075 * scale, .1 * scale), wear.skin)
