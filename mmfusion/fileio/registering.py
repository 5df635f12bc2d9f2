"""Finds where the second image of a pair shows what the first one does.

Modalities share contours, not levels. So both images become fields of
edges: strength over that of the edges nearby, and direction at twice its
angle, for which dark beside bright is bright beside dark. How well these
agree is the quality by which places are found, compared and refused.
"""
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

import cv2
import numpy as np

from mmfusion.utils.errors import UsageError, check_choice

from .homography import Homography, Size

METHODS = ('auto', 'phase', 'ecc', 'features')
#: how much better edges have to agree than at other places, as
#: :meth:`_Search.clearness` says it; of unrelated pairs 0.02 at most
LEAST = 0.025
#: longest side that places are found at, and that they are looked for at
_SIDE, _COARSE = 512, 128
#: the second image's width over the first one's, and degrees, to begin with
_SCALES = 1.12**np.arange(-9, 6)
_ANGLES = (-8, 0, 8)
#: least share of the first image that the second one has to cover
_OVERLAP = 0.15
_RIDGE = 0.05


@dataclass(frozen=True)
class Registration(Homography):
    """A matrix that was found, and how well it fits.

    Attributes:
        method (str): ``'resize'`` where nothing is better than to stretch
            the second image to the size of the first (of equal sizes: to
            leave it), else ``'phase'``, ``'ecc'`` or ``'features'``.
        before (float): Agreement of the edges of both images, -1 to 1, with
            the second one stretched.
        after (float): The same with the matrix.
    """
    method: str = ''
    before: float = 0.
    after: float = 0.

    def record(self) -> dict:
        """As JSON takes it."""
        first, second = self.sizes or ((), ())
        return dict(
            matrix=self.matrix.tolist(), size=list(first),
            moving_size=list(second), method=self.method,
            quality=dict(before=round(self.before, 4),
                         after=round(self.after, 4)))


def register_images(fixed: np.ndarray, moving: np.ndarray,
                    method: str = 'auto') -> Registration:
    """Find the matrix from one image of a pair to the other.

    Args:
        fixed (np.ndarray): Visible image, (H, W) or (H, W, 3), integers or
            floats.
        moving (np.ndarray): Infrared image, likewise.
        method (str): ``'phase'``: shift, at the best of several scales and
            angles; ``'ecc'``: that, made a homography by enhanced
            correlation (Evangelidis & Psarakis, PAMI 2008); ``'features'``:
            homography of matching SIFT features; ``'auto'``: the best of
            all.

    Returns:
        Registration: From pixels of ``moving`` to those of ``fixed``.

    Raises:
        UsageError: If the method is unknown, or nothing fits.
    """
    check_choice(METHODS, UsageError, method=method)
    search = _Search(fixed, moving)
    start = search.stretch()
    found = [('resize', start, search.score(start))]
    for name, matrix in search.candidates(method):
        if search.plausible(matrix):
            found.append((name, matrix, search.score(matrix)))
    found.sort(key=lambda item: -item[2])
    clear, name, matrix = max(((search.clearness(matrix), name, matrix)
                               for name, matrix, _ in found[:3]),
                              key=lambda item: item[0])
    after = search.quality(matrix)
    if clear < LEAST:
        raise UsageError(
            'Expected two images of one view, got a pair whose edges agree '
            f'nowhere better than elsewhere ({after:.2f} at best; 1 is equal)'
            '. Look whether they belong together; if they do, give the '
            'matrix of nine numbers in a file (--register FILE).')
    return Registration(search.full_size(matrix), search.sizes, name,
                        search.quality(start), after)


class _Search:
    """Both images at the size that is searched at."""

    def __init__(self, fixed: np.ndarray, moving: np.ndarray) -> None:
        self.sizes: tuple[Size, Size] = fixed.shape[:2], moving.shape[:2]
        self.fixed, self._fixed_scale = _small(fixed)
        self.moving, self._moving_scale = _small(moving)
        self.size: Size = self.fixed.shape
        self.field = _edges(self.fixed)
        self._all = np.ones(self.moving.shape, np.float32)

    def full_size(self, matrix: np.ndarray) -> np.ndarray:
        """A matrix for the images as they were given."""
        matrix = (
            np.linalg.inv(self._fixed_scale) @ matrix @ self._moving_scale)
        return matrix / matrix[2, 2]

    def stretch(self) -> np.ndarray:
        """Takes one frame to the other, whatever becomes of the shapes."""
        return _scaling(
            [a / b for a, b in zip(self.size, self.moving.shape, strict=True)])

    def plausible(self, matrix: np.ndarray) -> bool:
        """Whether the second frame stays one, and large enough."""
        height, width = self.moving.shape
        corners = np.float64([[[0, 0], [width, 0], [width, height],
                               [0, height]]])
        depth = (corners @ matrix[2, :2]) + matrix[2, 2]
        if not np.isfinite(matrix).all() or depth.min() <= 0.3 * depth.max():
            return False
        quad = cv2.perspectiveTransform(corners, matrix)[0].astype(np.float32)
        frame = np.float32([[0, 0], [self.size[1], 0],
                            [self.size[1], self.size[0]], [0, self.size[0]]])
        turned = cv2.contourArea(quad, oriented=True) * cv2.contourArea(
            frame, oriented=True) < 0
        if turned or not cv2.isContourConvex(quad):
            return False
        shared = cv2.intersectConvexConvex(quad, frame)[0]
        return shared >= _OVERLAP * self.size[0] * self.size[1]

    def quality(self, matrix: np.ndarray) -> float:
        """How well the edges agree where both images are, -1 to 1."""
        return self._compare(matrix)[0]

    def score(self, matrix: np.ndarray) -> float:
        """Quality, which counts the less the smaller the shared part is."""
        quality, share = self._compare(matrix)
        return quality * share**0.5

    def clearness(self, matrix: np.ndarray) -> float:
        """By how much a place is better than those around it.

        Of unrelated images other places are as good.
        """
        others = []
        for radius, turn in ((12, 0), (25, 1), (45, 0)):
            for angle in (np.arange(8) + turn / 2) * np.pi / 4:
                shift = np.eye(3)
                shift[:2, 2] = radius * np.cos(angle), radius * np.sin(angle)
                others.append(self.quality(shift @ matrix))
        quality, share = self._compare(matrix)
        return (quality - max(others)) * share**0.5

    def _compare(self, matrix: np.ndarray) -> tuple[float, float]:
        """Quality, and the share of the first image that counts."""
        covered = self._warp(self._all, matrix, cv2.BORDER_CONSTANT)
        # what lies along the border of the second image is no edge
        inside = cv2.erode(covered, np.ones((9, 9)), borderValue=0) > 0.99
        share = float(inside.mean())
        if share < _OVERLAP / 2:
            return -1., share
        ours = self.field[inside]
        theirs = _edges(self._warp(self.moving, matrix))[inside]
        scale = np.sqrt((np.abs(ours)**2).sum() * (np.abs(theirs)**2).sum())
        agreed = float((ours * theirs.conj()).sum().real / max(scale, 1e-9))
        return agreed, share

    def _warp(self, image: np.ndarray, matrix: np.ndarray,
              border: int = cv2.BORDER_REPLICATE) -> np.ndarray:
        return cv2.warpPerspective(image, matrix, self.size[::-1],
                                   flags=cv2.INTER_LINEAR, borderMode=border)

    def candidates(self, method: str) -> Iterator[tuple[str, np.ndarray]]:
        """Names and matrices that may fit."""
        starts = []
        if method != 'features':
            starts = self._shifts()[:1 if method == 'phase' else 3]
        if method in ('auto', 'phase'):
            yield from (('phase', matrix) for matrix in starts)
        found = []
        if method in ('auto', 'features'):
            found = list(self._by_features())
            yield from (('features', matrix) for matrix in found)
        if method in ('auto', 'ecc'):
            for start in (self.stretch(), *starts, *found):
                yield from (('ecc', matrix) for matrix in self._refined(start))

    def _shifts(self) -> list[np.ndarray]:
        """Scales and angles with the shift that fits them, best first."""
        factor = min(1., _COARSE / max(self.size))
        size = tuple(round(factor * side) for side in self.size)
        small = _resized(self.fixed, size)
        down = _scaling([factor] * 2)
        canvas = [cv2.getOptimalDFTSize(2 * side) for side in size]
        ours = np.fft.fft2(_edges(small), canvas)
        wide = min(1., size[1] / self.moving.shape[1])
        coarse = _resized(
            self.moving,
            tuple(max(round(wide * side), 1) for side in self.moving.shape))
        height, width = coarse.shape
        up = _scaling([
            a / b for a, b in zip(coarse.shape, self.moving.shape, strict=True)
        ])
        places = []
        for scale in _SCALES:
            for angle in _ANGLES:
                whole = np.eye(3)
                whole[:2] = cv2.getRotationMatrix2D(
                    ((width - 1) / 2, (height - 1) / 2), angle,
                    scale * size[1] / width)
                whole[:2, 2] += [(size[1] - width) / 2, (size[0] - height) / 2]
                theirs = _edges(
                    cv2.warpPerspective(coarse, whole, size[::-1],
                                        borderMode=cv2.BORDER_REPLICATE))
                product = ours * np.fft.fft2(theirs, canvas).conj()
                surface = np.fft.ifft2(product).real
                energy = np.sqrt((np.abs(theirs)**2).sum()) + 1e-9
                y, x = np.unravel_index(surface.argmax(), surface.shape)
                shift = np.eye(3)
                shift[:2, 2] = [
                    place - side if place > side // 2 else place
                    for place, side in ((x, canvas[1]), (y, canvas[0]))
                ]
                matrix = np.linalg.inv(down) @ shift @ whole @ up
                if self.plausible(matrix):
                    places.append((surface.max() / energy, matrix))
        places.sort(key=lambda item: -item[0])
        best = [matrix for _, matrix in places[:8]]
        return sorted(best, key=self.score, reverse=True)

    def _by_features(self) -> Iterator[np.ndarray]:
        """Homography of features of both images' edges, if there is one."""
        finder = cv2.SIFT_create(3000, contrastThreshold=0.02)
        points, codes = zip(
            *(finder.detectAndCompute(_shown(_edges(image)), None)
              for image in (self.fixed, self.moving)), strict=True)
        if any(code is None or len(code) < 8 for code in codes):
            return
        matches = [
            pair[0]
            for pair in cv2.BFMatcher().knnMatch(codes[1], codes[0], k=2)
            if len(pair) == 2 and pair[0].distance < 0.9 * pair[1].distance
        ]
        if len(matches) < 8:
            return
        start = np.float32([points[1][match.queryIdx].pt for match in matches])
        end = np.float32([points[0][match.trainIdx].pt for match in matches])
        matrix, kept = cv2.findHomography(start, end, cv2.USAC_MAGSAC, 4,
                                          maxIters=5000)
        if matrix is not None and kept.sum() >= 8:
            yield matrix

    def _refined(self, start: np.ndarray) -> Iterator[np.ndarray]:
        """A start made affine, then a homography, by correlation."""
        ours = np.abs(self.field).astype(np.float32)
        theirs = np.abs(_edges(self.moving)).astype(np.float32)
        # ECC wants the way back
        back = np.linalg.inv(start)
        back = (back / back[2, 2]).astype(np.float32)
        with suppress(cv2.error):  # it did not converge
            for blur, kind in ((21, cv2.MOTION_AFFINE), (9, cv2.MOTION_AFFINE),
                               (5, cv2.MOTION_HOMOGRAPHY)):
                rows = 2 if kind == cv2.MOTION_AFFINE else 3
                _, part = cv2.findTransformECC(
                    ours, theirs, back[:rows].copy(), kind,
                    (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 40,
                     1e-4), None, blur)
                back[:rows] = part
                yield np.linalg.inv(back.astype(np.float64))


def _scaling(factors: list[float]) -> np.ndarray:
    """Takes centres of pixels to their place in a resized image."""
    matrix = np.eye(3)
    for axis, factor in zip((1, 0), factors, strict=True):
        matrix[axis, axis] = factor
        matrix[axis, 2] = (factor - 1) / 2
    return matrix


def _resized(image: np.ndarray, size: Size) -> np.ndarray:
    return cv2.resize(image, size[::-1], interpolation=cv2.INTER_AREA)


def _small(image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Grey of mean 0 and deviation 1, float32, and the scaling to it."""
    size = image.shape[:2]
    factor = min(1., _SIDE / max(size))
    small = tuple(max(round(factor * side), 1) for side in size)
    image = _resized(image, small).astype(np.float32)
    if image.ndim == 3:
        image = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
    image = (image - image.mean()) / max(float(image.std()), 1e-6)
    return image, _scaling([a / b for a, b in zip(small, size, strict=True)])


def _edges(grey: np.ndarray) -> np.ndarray:
    """Strength over that nearby, at twice the angle: (H, W) complex."""
    smooth = cv2.GaussianBlur(grey, (0, 0), 1.2)
    dx, dy = (cv2.Sobel(smooth, cv2.CV_32F, *order, scale=1 / 8)
              for order in ((1, 0), (0, 1)))
    nearby = cv2.GaussianBlur(dx * dx + dy * dy, (0, 0), 8)
    strength = np.hypot(dx, dy)
    gradient = dx + 1j * dy
    return gradient * gradient / (np.maximum(strength, 1e-9) *
                                  np.sqrt(nearby + _RIDGE**2))


def _shown(edges: np.ndarray) -> np.ndarray:
    """Strength of edges as an image, uint8."""
    return np.clip(np.abs(edges) * 100, 0, 255).astype(np.uint8)
