"""A pinhole camera and the canvas that every synthetic object is drawn on.

Both modalities and the label map come from *one* drawing: each draw call
writes the number of a material, and a material says what the two cameras
see there (reflectance and glow for the visible one, heat for the infrared
one). Hence the pair is aligned to the pixel, and occlusions agree.
"""
from contextlib import contextmanager
from dataclasses import dataclass

import cv2
import numpy as np

SUPERSAMPLING = 2
NEAR = 0.6
# Linear light is the code value to this power, as in a camera.
GAMMA = 2.
_SHIFT = 4
_FAR_PIXEL = 30000.


@dataclass(frozen=True)
class Camera:
    """A camera over a flat ground, looking along +z, in metres.

    Attributes:
        size: (height, width) of the image in pixels.
        focal: Focal length in pixels.
        horizon: Row of the horizon.
        centre: Column of the vanishing point.
        eye: Height of the camera over the ground.
        bend: Curvature of the road; its centre runs along
            ``x = bend * z**2 / 2``.
    """

    size: tuple[int, int]
    focal: float
    horizon: float
    centre: float
    eye: float
    bend: float = 0.

    def project(self, points) -> np.ndarray:
        """World points (..., 3) as (x right, y up, z ahead) to pixels."""
        points = np.asarray(points, dtype=np.float64)
        scale = self.focal / np.maximum(points[..., 2], NEAR)
        u = self.centre + points[..., 0] * scale
        v = self.horizon + (self.eye - points[..., 1]) * scale
        return np.stack([u, v], axis=-1)

    def road_x(self, x, z):
        """Column x of the straight road, moved along with its bend."""
        return x + self.bend * np.square(z) / 2

    def sees(self, x: float, z: float, margin: float = 0.05) -> bool:
        """Whether the ground point (x, z) lies inside the picture."""
        width = self.size[1]
        u, v = self.project([x, 0., z])
        return (margin * width < u < (1 - margin) * width
                and v < 0.98 * self.size[0])

    @property
    def nearest(self) -> float:
        """Depth of the ground at the lower border of the image."""
        drop = max(self.size[0] - self.horizon, 1.)
        return max(self.focal * self.eye / drop, NEAR)


class Canvas:
    """Material numbers and instances, drawn far to near.

    Args:
        camera: The camera whose pixels are drawn.
    """

    def __init__(self, camera: Camera):
        self.camera = camera
        height, width = camera.size
        fine = (height * SUPERSAMPLING, width * SUPERSAMPLING)
        self.index = np.zeros(fine, np.uint16)
        self.instances = np.zeros(fine, np.uint16)
        self.shadow = np.zeros(camera.size, np.uint8)
        self.warmth = np.zeros(camera.size, np.uint8)
        self.instance_classes = [0]
        self.lights: list[tuple] = []
        self.depth = np.inf
        self._instance = 0
        self._materials: list[tuple] = [(0., ) * 9 + (np.inf, )]

    def paint(self, rgb, heat: float, glow: float = 0., fine: float = 0.,
              coarse: float = 0., retro: float = 0.,
              ground: bool = False) -> int:
        """A new material at the current ``depth``; returns its number.

        Args:
            rgb: Colour as the eye sees it (sRGB, 0 to 255).
            heat: Apparent temperature, 0 (cold sky) to 1 (hottest).
            glow: Light that it sends out by itself, times ``rgb``.
            fine: Contrast of the fine-grained texture, 0 to 1.
            coarse: Contrast of the cloudy texture, 0 to 1.
            retro: Gain for the camera's own headlights.
            ground: Lies on the ground: takes its depth from the row, and
                shadows and warmth fall on it.
        """
        r, g, b = (min(max(c / 255., 0.), 1.)**GAMMA for c in rgb)
        self._materials.append((r, g, b, heat, glow, fine, coarse, retro,
                                float(ground), self.depth))
        return len(self._materials) - 1

    @property
    def materials(self) -> np.ndarray:
        """Table (N, 10): r, g, b (linear), heat, glow, fine, coarse,
        retro, ground, depth."""
        return np.array(self._materials, np.float32)

    @contextmanager
    def instance(self, class_id: int):
        """Everything drawn inside belongs to one new labelled object."""
        self.instance_classes.append(class_id)
        self._instance = len(self.instance_classes) - 1
        try:
            yield self._instance
        finally:
            self._instance = 0

    def polygon(self, points, material: int | None) -> None:
        """Fill a polygon of pixels (N, 2).

        With ``material=None`` only the label is drawn (what is seen
        through, as between the spokes of a wheel).
        """
        corners = self._fixed_point(points)
        if material is not None:
            cv2.fillPoly(self.index, [corners], material, cv2.LINE_8, _SHIFT)
        cv2.fillPoly(self.instances, [corners], self._instance, cv2.LINE_8,
                     _SHIFT)

    def polygon3d(self, points, material: int | None) -> None:
        """Fill a polygon of world points (N, 3)."""
        self.polygon(self.camera.project(points), material)

    def limb(self, start, end, width_start: float, width_end: float,
             material: int | None) -> None:
        """A tapered, round-ended stroke between two pixels; widths in
        pixels."""
        start, end = np.asarray(start, float), np.asarray(end, float)
        along = end - start
        length = np.hypot(*along)
        if length < 1e-6:
            return
        normal = np.array([-along[1], along[0]]) / length / 2
        self.polygon([
            start + normal * width_start, start - normal * width_start,
            end - normal * width_end, end + normal * width_end
        ], material)
        for point, width in ((start, width_start), (end, width_end)):
            if width * SUPERSAMPLING > 3:
                self.ellipse(point, (width / 2, width / 2), material)

    def ellipse(self, centre, radii, material: int | None,
                angle: float = 0.) -> None:
        """Fill an ellipse; centre and radii in pixels, angle in
        degrees."""
        turn = np.deg2rad(angle)
        points = _CIRCLE * np.asarray(radii, float)
        rotation = np.array([[np.cos(turn), np.sin(turn)],
                             [-np.sin(turn), np.cos(turn)]])
        self.polygon(points @ rotation + np.asarray(centre, float), material)

    def cast(self, points, shadow: int = 0, warmth: int = 0) -> None:
        """A shadow and a patch of warm ground, 0 to 255, over a polygon
        of world points."""
        pixels = self.camera.project(points)
        for layer, strength in ((self.shadow, shadow), (self.warmth, warmth)):
            if strength:
                mask = np.clip(pixels, -_FAR_PIXEL, _FAR_PIXEL)
                cv2.fillPoly(layer, [np.rint(mask).astype(np.int32)],
                             int(strength))

    def small_index(self) -> np.ndarray:
        """Material numbers at the resolution of the image."""
        return self.index[::SUPERSAMPLING, ::SUPERSAMPLING]

    def labels_and_boxes(self, box_classes, min_pixels: int = 12):
        """The label map and the boxes of what is visible.

        Returns:
            tuple: label (H, W) uint8 and a list of
            ``(class_id, x1, y1, x2, y2)``, borders inclusive to
            exclusive, for objects of ``box_classes`` with at least
            ``min_pixels`` visible pixels.
        """
        seen = self.instances[::SUPERSAMPLING, ::SUPERSAMPLING]
        classes = np.array(self.instance_classes, np.uint8)
        boxes = []
        counts = np.bincount(seen.ravel(), minlength=len(classes))
        for number in np.flatnonzero(counts >= min_pixels):
            if classes[number] in box_classes:
                mask = (seen == number).view(np.uint8)
                x, y, width, height = cv2.boundingRect(mask)
                boxes.append(
                    (int(classes[number]), x, y, x + width, y + height))
        return classes[seen], boxes

    @staticmethod
    def _fixed_point(points) -> np.ndarray:
        points = np.asarray(points, dtype=np.float64) * SUPERSAMPLING
        points = np.clip(points, -_FAR_PIXEL, _FAR_PIXEL)
        return np.rint(points * (1 << _SHIFT)).astype(np.int32)


_TURN = np.linspace(0, 2 * np.pi, 24, endpoint=False)
_CIRCLE = np.stack([np.cos(_TURN), np.sin(_TURN)], axis=-1)


def cuboid(canvas: Canvas, corners, materials: dict) -> set[str]:
    """Draw the visible faces of a convex box with eight corners.

    Args:
        corners (np.ndarray): (8, 3): the bottom face as rear left, rear
            right, front right, front left, then the top face likewise.
        materials: Face name (rear, right, front, left, top) to material.

    Returns:
        Names of the faces that the camera sees.
    """
    corners = np.asarray(corners, float)
    middle = corners.mean(axis=0)
    eye = np.array([0., canvas.camera.eye, 0.])
    visible = set()
    for name, order in FACES.items():
        face = corners[order]
        centre = face.mean(axis=0)
        normal = np.cross(face[2] - face[0], face[3] - face[1])
        if normal @ (centre - middle) < 0:
            normal = -normal
        if normal @ (eye - centre) > 0:
            visible.add(name)
            canvas.polygon3d(face, materials[name])
    return visible


FACES = {
    'rear': [0, 1, 5, 4],
    'right': [1, 2, 6, 5],
    'front': [2, 3, 7, 6],
    'left': [3, 0, 4, 7],
    'top': [4, 5, 6, 7],
}


def inset(face, left: float, right: float, low: float, high: float):
    """A smaller quadrilateral inside a face (4, 3), by fractions along
    its two directions (bottom left, bottom right, top right, top left)."""
    face = np.asarray(face, float)

    def at(s, t):
        bottom = face[0] + s * (face[1] - face[0])
        top = face[3] + s * (face[2] - face[3])
        return bottom + t * (top - bottom)

    return np.stack(
        [at(left, low),
         at(right, low),
         at(right, high),
         at(left, high)])
