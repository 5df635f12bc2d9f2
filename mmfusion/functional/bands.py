"""Images cut into bands of rows that stay in the cache.

Long chains of operations on whole images wait for memory. A sum over all
windows of an image is the sum over its bands, each of which is measured
while it is in the cache.
"""
from collections.abc import Iterable, Iterator

from .image import Image, feature


def cut(image: Image, overlap: int = 0,
        border: str | None = None) -> Iterator[Image]:
    """Bands of an image, from top to bottom.

    Args:
        image (Image): Image.
        overlap (int): Rows that neighbours share: height of a window less
            one, so that every full window lies in exactly one band.
        border (str, optional): A rule of ``ops_numpy.BORDERS`` for a rim of
            half the overlap around the image, so that every pixel is the
            centre of one full window. None: without a rim.

    Yields:
        Image: A band of about as many rows as stay in the cache.
    """
    ops, x = image.ops, image.values
    if border is None:
        for rows in ops.row_blocks(x, overlap):
            yield image.derive(x[..., rows, :])
        return
    rim, height = overlap // 2, image.size[0]
    for rows in ops.row_blocks(x):
        first, last = rows.start - rim, rows.stop + rim
        inside = x[..., max(first, 0):min(last, height), :]
        yield image.derive(
            ops.pad(inside, max(-first, 0), max(last - height, 0), rim, rim,
                    border))


def bands(image: Image, overlap: int = 0,
          border: str | None = None) -> Iterable[Image]:
    """Bands of a source, kept with their features if the source lasts.

    Bands of the fused image are better dropped one by one: memory that is
    in the cache already is used again.

    Args:
        image (Image): As :func:`cut`, like the others.
    """
    take = _kept if image.lasting else cut
    return take(image, overlap, border)


@feature
def _kept(image: Image, *how) -> tuple[Image, ...]:
    return tuple(cut(image, *how))
