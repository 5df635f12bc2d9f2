"""Pairs of which something can be learned."""
import cv2
import numpy as np

COUNT = 4


def smooth(rng, size, shape=()):
    """Soft shapes, uint8 (*size, *shape)."""
    coarse = rng.integers(0, 256, (8, 8, *shape), np.uint8)
    return cv2.resize(coarse, size[::-1], interpolation=cv2.INTER_CUBIC)


def smooth_pairs(root, count=COUNT, size=(64, 80)):
    """``VIS`` and ``IR`` below ``root``."""
    rng = np.random.default_rng(0)
    for name, channels in (('VIS', 3), ('IR', 1)):
        (root / name).mkdir(parents=True)
        for index in range(count):
            cv2.imwrite(str(root / name / f'{index}.png'),
                        smooth(rng, size, (channels, )))
    return root
