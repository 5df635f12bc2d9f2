"""Images cut into bands of rows that stay in the cache.

Long chains of operations on whole images wait for memory. A sum over all
windows of an image is the sum over its bands, each of which is measured
while it is in the cache.
"""
from typing import Tuple

from .image import Image, feature


def cut(image: Image, overlap: int = 0) -> Tuple[Image, ...]:
    """Bands of an image, from top to bottom.

    Args:
        image (Image): Image.
        overlap (int): Rows that neighbours share: height of a window less
            one, so that every full window lies in exactly one band.
    """
    return tuple(
        image.derive(image.values[..., rows, :])
        for rows in image.ops.row_blocks(image.values, overlap))


@feature
def bands(image: Image, overlap: int = 0) -> Tuple[Image, ...]:
    """Bands that are kept with the image, and their features with them.

    For sources, which are measured once for all methods. Bands of the fused
    image are better dropped one by one, see :func:`cut`.
    """
    return cut(image, overlap)
