"""Two views of one image: pairs of other tasks from visible images."""
from collections.abc import Mapping

import cv2
import numpy as np
from mmcv.transforms.utils import cache_randomness

from mmfusion.registry import TRANSFORMS

from .shown import ShownTransform

#: linear light is the level to this power
_GAMMA = 2.2


@TRANSFORMS.register_module()
class SimulateViews(ShownTransform):
    """Replace the infrared image by a second view of the visible one.

    - ``'focus'``: either view is blurred where the other one is sharp.
    - ``'exposure'``: one view is taken with less light, the other with more;
      shadows lose their levels, lights are clipped.
    - ``'scan'``: both images inside of an ellipse on black, the infrared one
      without fine detail, as a scan of function beside one of anatomy.

    Which view takes which place is drawn. The rest of the samples stays as
    it is.

    Required keys: ``img``, uint8 with three channels and one. Modified key:
    ``img``.

    Args:
        shares (dict[str, float]): How often, by the names above; at most 1
            together. Defaults to a third each.
        sigma (tuple[float, float]): Range of the deviation of the blur out
            of focus, pixels.
        stops (tuple[float, float]): Range of the light of an exposure,
            stops less or more.

    Raises:
        ValueError: If ``shares`` names something else or exceeds 1.
    """

    def __init__(
        self, shares: Mapping[str, float] | None = None,
        sigma: tuple[float, float] = (1., 4.), stops: tuple[float,
                                                            float] = (1., 3.)
    ) -> None:
        kinds = dict(focus=self._focus, exposure=self._exposure,
                     scan=self._scan)
        shares = dict.fromkeys(kinds, 1 / 3) if shares is None else shares
        if not set(shares) <= set(kinds) or sum(shares.values()) > 1 + 1e-9:
            raise ValueError(f'Expected shares of {", ".join(kinds)}, at most '
                             f'1 together, got {dict(shares)}.')
        self.shares = dict(shares)
        self.sigma = tuple(sigma)
        self.stops = tuple(stops)

    @cache_randomness
    def _kind(self) -> str | None:
        draw = np.random.rand()
        for kind, share in self.shares.items():
            draw -= share
            if draw < 0:
                return kind
        return None

    def transform(self, results: dict) -> dict:
        """Make the pair of one sample."""
        kind = self._kind()
        if kind is None:
            return results
        stack = results['img']
        views = getattr(self, f'_{kind}')(stack.astype(np.float32))
        if np.random.rand() < 0.5:
            views = views[::-1]
        first, second = (np.rint(view.clip(0, 255)).astype(np.uint8)
                         for view in views)
        if first.ndim == 2:
            first = np.repeat(first[..., None], 3, axis=2)
        if second.ndim == 3:
            second = cv2.cvtColor(second, cv2.COLOR_BGR2GRAY)
        results['img'] = np.dstack((first, second))
        return results

    def _focus(self, stack: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        image = np.ascontiguousarray(stack[..., :3])
        near = _smooth_field(image.shape[:2]) > 0
        blurred = cv2.GaussianBlur(image, (0, 0),
                                   np.random.uniform(*self.sigma))
        share = cv2.GaussianBlur(near.astype(np.float32), (0, 0), 1.5)[...,
                                                                       None]
        return (share * image + (1 - share) * blurred,
                share * blurred + (1 - share) * image)

    def _exposure(self, stack: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        light = (stack[..., :3] / 255)**_GAMMA
        less, more = np.random.uniform(*self.stops, 2)
        return tuple(255 * (light * 2.**stop).clip(0, 1)**(1 / _GAMMA)
                     for stop in (-less, more))

    def _scan(self, stack: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        height, width = stack.shape[:2]
        mask = np.zeros((height, width), np.float32)
        radii = np.random.uniform(.3, .55, 2) * (width, height)
        cv2.ellipse(mask, (width // 2, height // 2),
                    tuple(radii.astype(int).tolist()), 0, 0, 360, 1., -1)
        mask = cv2.GaussianBlur(mask, (0, 0), 1.)
        anatomy = cv2.cvtColor(np.ascontiguousarray(stack[..., :3]),
                               cv2.COLOR_BGR2GRAY)
        function = cv2.GaussianBlur(np.ascontiguousarray(stack[..., 3]),
                                    (0, 0), np.random.uniform(*self.sigma))
        return mask * anatomy, mask * function


def _smooth_field(size: tuple[int, int]) -> np.ndarray:
    """Random (H, W) floats around 0 without fine structure."""
    grid = np.random.normal(size=(4, 4)).astype(np.float32)
    return cv2.resize(grid, size[::-1], interpolation=cv2.INTER_CUBIC)
