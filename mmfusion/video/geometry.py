"""From pixels of the infrared to those of the visible stream."""
from pathlib import Path

import cv2
import numpy as np

from mmfusion.fileio import resize_image
from mmfusion.fileio.homography import load_homography


def read_homography(path: str | Path) -> np.ndarray:
    """Matrix that maps pixels of the infrared to the visible image.

    Args:
        path (str | Path): See
            :func:`mmfusion.fileio.homography.load_homography`.

    Returns:
        np.ndarray: (3, 3) float64.

    Raises:
        FileNotFoundError: If there is no such file.
        UsageError: If it does not hold an invertible 3x3 matrix.
    """
    return load_homography(path).matrix


def fit_infrared(ir: np.ndarray, size: tuple,
                 homography: np.ndarray | None = None) -> np.ndarray:
    """Bring an infrared frame into the visible frame's pixels.

    Args:
        ir (np.ndarray): uint8, (h, w) or (h, w, 3).
        size (tuple[int, int]): Height and width of the visible frame.
        homography (np.ndarray, optional): See :func:`read_homography`;
            without it, another size is stretched.

    Returns:
        np.ndarray: uint8, (H, W).
    """
    if ir.ndim == 3:
        ir = cv2.cvtColor(ir, cv2.COLOR_BGR2GRAY)
    height, width = size
    if homography is not None:
        return cv2.warpPerspective(ir, homography, (width, height),
                                   flags=cv2.INTER_LINEAR,
                                   borderMode=cv2.BORDER_REPLICATE)
    if ir.shape != (height, width):
        ir = resize_image(ir, size)
    return ir
