"""What cameras do to images: tones, colour, blur and noise.

Meant for one modality, inside :class:`OnModality`.
"""

import cv2
import numpy as np
import torch
from mmcv.transforms.utils import cache_randomness
from torchvision import transforms as vision

from mmfusion.registry import TRANSFORMS

from .shown import ShownTransform


class _Sometimes(ShownTransform):
    """Changes ``img`` with a probability."""

    def __init__(self, prob: float) -> None:
        if not 0 <= prob <= 1:
            raise ValueError(f'Expected prob in [0, 1], got {prob}.')
        self.prob = prob

    @cache_randomness
    def _chosen(self) -> bool:
        return bool(np.random.rand() < self.prob)

    def transform(self, results: dict) -> dict:
        """Change ``img``, or leave it."""
        if self._chosen():
            results['img'] = self.change(results['img'])
        return results

    def change(self, image: np.ndarray) -> np.ndarray:
        """The changed image, of the same shape."""
        raise NotImplementedError


@TRANSFORMS.register_module()
class ColorJitter(_Sometimes):
    """torchvision's ``ColorJitter`` for BGR images.

    Required and modified key: ``img``, (H, W, 3) uint8, BGR.

    Args:
        brightness (float): Largest relative change. Defaults to 0.2.
        contrast (float): Likewise.
        saturation (float): Likewise.
        hue (float): Largest shift, in turns. Defaults to 0.1.
        prob (float): How often. Defaults to 0.5.
    """

    def __init__(self, brightness: float = 0.2, contrast: float = 0.2,
                 saturation: float = 0.2, hue: float = 0.1,
                 prob: float = 0.5) -> None:
        super().__init__(prob)
        self.brightness = brightness
        self.contrast = contrast
        self.saturation = saturation
        self.hue = hue
        self._jitter = vision.ColorJitter(brightness, contrast, saturation,
                                          hue)

    def change(self, image: np.ndarray) -> np.ndarray:
        rgb = torch.from_numpy(image[..., ::-1].transpose(2, 0, 1).copy())
        out = self._jitter(rgb).numpy().transpose(1, 2, 0)[..., ::-1]
        return np.ascontiguousarray(out)


@TRANSFORMS.register_module()
class RandomTone(_Sometimes):
    """Another exposure and contrast: ``low + (high - low) x^gamma``.

    Values above white are clipped, as glare is.

    Required and modified key: ``img``, uint8.

    Args:
        gamma (float): Largest power; its inverse is the smallest. Defaults
            to 2.
        low (tuple[float, float]): Range of what black becomes; black is 0
            and white is 1.
        high (tuple[float, float]): Range of what white becomes.
        invert (float): How often black and white change places, as cold
            and hot do between cameras. Defaults to 0.
        prob (float): How often. Defaults to 0.5.

    Raises:
        ValueError: If ``gamma`` is below 1 or ``invert`` no probability.
    """

    def __init__(self, gamma: float = 2., low: tuple[float, float] = (0., 0.2),
                 high: tuple[float, float] = (0.6, 1.2), invert: float = 0.,
                 prob: float = 0.5) -> None:
        super().__init__(prob)
        if gamma < 1 or not 0 <= invert <= 1:
            raise ValueError('Expected gamma of at least 1 and invert in '
                             f'[0, 1], got {gamma} and {invert}.')
        self.gamma = gamma
        self.low = tuple(low)
        self.high = tuple(high)
        self.invert = invert

    def change(self, image: np.ndarray) -> np.ndarray:
        power = self.gamma**np.random.uniform(-1, 1)
        low, high = (np.random.uniform(*x) for x in (self.low, self.high))
        if np.random.rand() < self.invert:
            low, high = high, low
        levels = low + (high - low) * (np.arange(256) / 255)**power
        table = np.rint(255 * levels.clip(0, 1)).astype(np.uint8)
        return table[image]


@TRANSFORMS.register_module()
class RandomBlur(_Sometimes):
    """Blur by a Gaussian or along a line, both equally likely.

    Required and modified key: ``img``.

    Args:
        gaussian (tuple[int, int]): Range of the Gaussian window's side, odd
            pixels. Its deviation is OpenCV's for that side.
        motion (int): Side of the window of motion blur, odd.
        prob (float): How often. Defaults to 0.2.
    """

    def __init__(self, gaussian: tuple[int, int] = (3, 7), motion: int = 7,
                 prob: float = 0.2) -> None:
        super().__init__(prob)
        sides = (*gaussian, motion)
        if min(sides) < 1 or any(side % 2 == 0 for side in sides):
            raise ValueError(f'Expected odd sides of windows, got {sides}.')
        self.gaussian = tuple(gaussian)
        self.motion = motion

    def change(self, image: np.ndarray) -> np.ndarray:
        if np.random.rand() < 0.5:
            low, high = self.gaussian
            side = low + 2 * np.random.randint((high - low) // 2 + 1)
            return cv2.GaussianBlur(image, (side, side), 0)
        angle = np.random.uniform(0, np.pi)
        radius = self.motion // 2
        step = radius * np.array([np.cos(angle), np.sin(angle)])
        start, end = (tuple(int(round(v)) for v in radius + sign * step)
                      for sign in (-1, 1))
        kernel = np.zeros((self.motion, self.motion), np.float32)
        cv2.line(kernel, start, end, 1.)
        return cv2.filter2D(image, -1, kernel / kernel.sum(),
                            borderType=cv2.BORDER_REFLECT_101)


@TRANSFORMS.register_module()
class SensorNoise(_Sometimes):
    """Gaussian noise, and the column noise of bolometers.

    Required and modified key: ``img``, uint8 or float in 0..255. All
    channels of a grey image get the same noise.

    Args:
        sigma (tuple[float, float]): Range of the deviation, on the scale
            0..255. Defaults to (3, 7).
        columns (float): Deviation of one offset for each column, on the
            same scale. Defaults to 0, none.
        prob (float): How often. Defaults to 0.3.
    """

    def __init__(self, sigma: tuple[float, float] = (3., 7.),
                 columns: float = 0., prob: float = 0.3) -> None:
        super().__init__(prob)
        if not 0 <= sigma[0] <= sigma[1] or columns < 0:
            raise ValueError('Expected sigma as 0 <= low <= high and columns '
                             f'of at least 0, got {sigma} and {columns}.')
        self.sigma = tuple(sigma)
        self.columns = columns

    def change(self, image: np.ndarray) -> np.ndarray:
        height, width = image.shape[:2]
        noise = np.random.normal(0, np.random.uniform(*self.sigma),
                                 (height, width))
        if self.columns:
            noise += np.random.normal(0, self.columns, (1, width))
        noisy = image + (noise if image.ndim == 2 else noise[..., None])
        noisy = np.clip(noisy, 0, 255)
        if image.dtype == np.uint8:
            noisy = np.rint(noisy)
        return noisy.astype(image.dtype)
