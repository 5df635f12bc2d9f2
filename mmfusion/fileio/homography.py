"""The matrix between the pixels of two cameras, as a file and as a warp."""
import json
import os
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from mmfusion.utils.errors import UsageError

from .arrays import read_array

Size = tuple[int, int]


@dataclass(frozen=True)
class Homography:
    """Where the second image of a pair shows what the first one does.

    Attributes:
        matrix (np.ndarray): (3, 3) float64, takes (x, y, 1) in the second
            image to the first one.
        sizes (tuple, optional): (height, width) of the first and of the
            second image that it was found for.
    """
    matrix: np.ndarray
    sizes: tuple[Size, Size] | None = None

    def warp(self, image: np.ndarray, size: Size, source: str) -> np.ndarray:
        """The second image in the pixels of the first; borders go on.

        Args:
            image (np.ndarray): (h, w) or (h, w, C).
            size (tuple[int, int]): Height and width of the first image.
            source (str): What errors call the second one.

        Returns:
            np.ndarray: (H, W) or (H, W, C).

        Raises:
            ValueError: If it was found for images of other sizes.
        """
        found = (tuple(size), tuple(image.shape[:2]))
        if self.sizes not in (None, found):
            told = [
                ' and '.join(f'{width}x{height}' for height, width in pair)
                for pair in (self.sizes, found)
            ]
            raise ValueError(
                f'Expected images of {told[0]} (width x height), for which '
                f'the matrix was found, got {told[1]} with {source!r}. '
                'Register this pair by itself.')
        return cv2.warpPerspective(image, self.matrix, size[::-1],
                                   flags=cv2.INTER_LINEAR,
                                   borderMode=cv2.BORDER_REPLICATE)


def load_homography(path: str | os.PathLike) -> Homography:
    """Matrix that maps pixels of the infrared to the visible image.

    Args:
        path (str | PathLike): ``.npy``, ``.json`` (of ``mmfusion register``,
            or nested lists), or text with nine numbers.

    Returns:
        Homography: With the sizes that the file states.

    Raises:
        FileNotFoundError: If there is no such file.
        UsageError: If it does not hold an invertible 3x3 matrix.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f'Expected a file with a 3x3 matrix, got '
                                f'{str(path)!r}, which does not exist.')
    sizes = None
    try:
        if path.suffix == '.npy':
            matrix = read_array(path)
        elif path.suffix == '.json':
            content = json.loads(path.read_text())
            if isinstance(content, dict):
                sizes = tuple(
                    tuple(map(int, content[key]))
                    for key in ('size', 'moving_size'))
                content = content['matrix']
            matrix = np.array(content)
        else:
            text = path.read_text().replace(',', ' ')
            matrix = np.array(text.split(), dtype=float)
        matrix = matrix.astype(np.float64).reshape(3, 3)
        good = np.isfinite(matrix).all() and abs(np.linalg.det(matrix)) > 1e-9
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise UsageError(f'Expected nine numbers in {path}, got: '
                         f'{error}.') from error
    if not good:
        raise UsageError(f'Expected an invertible matrix in {path}, got '
                         f'{matrix.tolist()}.')
    return Homography(matrix, sizes)
