"""From pixels of the infrared to those of the visible stream."""
import json
from pathlib import Path

import cv2
import numpy as np

from mmfusion.fileio import resize_image
from mmfusion.utils.errors import UsageError


def read_homography(path: str | Path) -> np.ndarray:
    """Matrix that maps pixels of the infrared to the visible image.

    Args:
        path (str | Path): ``.npy``, ``.json`` (nested lists), or text with
            nine numbers.

    Returns:
        np.ndarray: (3, 3) float64.

    Raises:
        FileNotFoundError: If there is no such file.
        UsageError: If it does not hold an invertible 3x3 matrix.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f'Expected a file with a 3x3 matrix, got '
                                f'{str(path)!r}, which does not exist.')
    try:
        if path.suffix == '.npy':
            matrix = np.load(path, allow_pickle=False)
        elif path.suffix == '.json':
            matrix = np.array(json.loads(path.read_text()))
        else:
            text = path.read_text().replace(',', ' ')
            matrix = np.array(text.split(), dtype=float)
        matrix = matrix.astype(np.float64).reshape(3, 3)
        good = np.isfinite(matrix).all() and abs(np.linalg.det(matrix)) > 1e-9
    except (ValueError, TypeError) as error:
        raise UsageError(f'Expected nine numbers in {path}, got: '
                         f'{error}.') from error
    if not good:
        raise UsageError(f'Expected an invertible matrix in {path}, got '
                         f'{matrix.tolist()}.')
    return matrix


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
