"""What numbers of an image are black and white: one rule for all readers."""
import numpy as np

Range = str | tuple[float, float]
Limits = tuple[float, float] | None


def own_range(image: np.ndarray) -> tuple[float, float] | None:
    """Black and white where the numbers themselves say so.

    Returns:
        tuple[float, float] | None: Of 8 and 16 bit unsigned integers their
        full range, of floats in [0, 1] that; None of all others.
    """
    if image.dtype in (np.uint8, np.uint16):
        return 0, np.iinfo(image.dtype).max
    if image.dtype.kind == 'f' and image.min() >= 0 and image.max() <= 1:
        return 0, 1
    return None


def to_byte_range(image: np.ndarray, source: str, value_range: Range = 'full',
                  colour: bool = False) -> np.ndarray:
    """Bring an image to 0..255.

    Args:
        image (np.ndarray): Integers or floats, of any shape.
        source (str): What errors call it.
        value_range (str | tuple[float, float]): What becomes 0 and 255:
            ``'full'`` (see :func:`own_range`), ``'minmax'`` of the image,
            or (low, high), beyond which values are clipped.
        colour (bool): Whether the image is one of three channels: it takes
            its own range where it has one, whatever is stated.

    Returns:
        np.ndarray: uint8 as it is, else float32.

    Raises:
        ValueError: If values are NaN or infinite, or a range has to be
            stated that is not; names ``source`` and what it holds.
    """
    return between(image, byte_limits(image, source, value_range, colour))


def byte_limits(image: np.ndarray, source: str, value_range: Range = 'full',
                colour: bool = False) -> Limits:
    """The values that :func:`to_byte_range` makes 0 and 255.

    Returns:
        tuple[float, float] | None: None of uint8, which stays as it is.
    """
    if image.dtype == np.uint8:
        return None
    least, most = float(image.min()), float(image.max())
    if not np.isfinite(most - least):
        raise ValueError(f'Expected finite values in {source!r}, got NaN or '
                         'infinity. Look at what wrote them.')
    known = own_range(image)
    if known and (colour or value_range == 'full'):
        return known
    if value_range == 'minmax':
        return least, most
    if isinstance(value_range, str):
        raise ValueError(
            f'Expected {source!r} as 8 or 16 bit unsigned integers or floats '
            f'in [0, 1], got {image.dtype} from {least:.6g} to {most:.6g}, '
            'whose black and white nobody knows. State them: '
            "uint16_range=(low, high), or 'minmax' of each image "
            '(--uint16-range).')
    low, high = value_range
    if colour and (most < low or least > high):
        raise ValueError(
            f'Expected values of {source!r} between {low:g} and {high:g}, '
            f'the range that is stated, got {image.dtype} from '
            f'{least:.6g} to {most:.6g}. Save it with 8 bits.')
    return low, high


def between(image: np.ndarray, limits: Limits) -> np.ndarray:
    """An image, or a part of it, with its limits at 0 and 255."""
    if limits is None:
        return image
    low, high = limits
    # float32 alone would round what has more than 24 bits
    values = image.astype(np.result_type(image.dtype, np.float32), copy=False)
    scaled = (values - low) * (255.0 / max(high - low, 1e-12))
    return np.clip(scaled, 0, 255).astype(np.float32)
