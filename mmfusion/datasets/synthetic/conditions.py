"""Time of day, weather, light and temperatures of one synthetic scene."""
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Conditions:
    """What all objects of a scene share.

    Attributes:
        night: Dark, lit by lamps, windows and headlights.
        ambient: Linear RGB light that falls on everything.
        air: Apparent temperature of what is neither heated nor sunlit.
        sun_heat: How much warmer sunlit surfaces are.
        headlights: Strength of the light of the camera's own car.
        haze: Extinction per metre of the visible light.
        shade: Contrast of the dappled tree shade by day.
        vis_noise: Read noise of the visible camera (of 255).
        ir_noise: Noise of the infrared camera (of 255).
        ir_gain: Contrast set by the infrared camera's gain control.
    """

    night: bool
    ambient: tuple[float, float, float]
    air: float
    sun_heat: float
    headlights: float
    haze: float
    shade: float
    vis_noise: float
    ir_noise: float
    ir_gain: float

    def surface(self, offset: float = 0., sunlit: float = 0.) -> float:
        """Heat of a passive surface."""
        return self.air + offset + sunlit * self.sun_heat

    def body(self, share: float) -> float:
        """Heat of something warm; 0 is the air and 1 bare skin."""
        skin = 0.86 if self.night else 0.78
        return self.air + share * (skin - self.air)


def draw_conditions(rng: np.random.Generator, night: bool) -> Conditions:
    """Random conditions of a day or a night."""
    if night:
        level = np.exp(rng.uniform(np.log(0.0015), np.log(0.012)))
        tint = np.array([0.75, 0.9, 1.1]) + rng.uniform(-.12, .12, 3)
        return Conditions(
            night=True, ambient=tuple(level * tint),
            air=rng.uniform(0.08, 0.15), sun_heat=0.02,
            headlights=rng.uniform(0.35, 1.) if rng.random() < .6 else 0.,
            haze=rng.uniform(0.,
                             0.004), shade=0., vis_noise=rng.uniform(2., 6.5),
            ir_noise=rng.uniform(1.2, 3.2), ir_gain=rng.uniform(0.85, 1.1))
    level = rng.uniform(0.45, 1.05)
    warm = rng.uniform(-.08, .08)
    hazy = rng.random() < .15
    return Conditions(
        night=False, ambient=tuple(level * np.array([1 + warm, 1., 1 - warm])),
        air=rng.uniform(0.16, 0.26), sun_heat=rng.uniform(0.03,
                                                          0.12), headlights=0.,
        haze=rng.uniform(0.015, 0.035) if hazy else rng.uniform(0, .005),
        shade=rng.uniform(.3, .75) if rng.random() < .5 else 0.,
        vis_noise=rng.uniform(0.6, 1.8), ir_noise=rng.uniform(1.5, 3.5),
        ir_gain=rng.uniform(0.85, 1.1))
