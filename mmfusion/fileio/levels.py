"""What numbers of an image are black and white: one rule for all readers."""
import numpy as np

Range = str | tuple[float, float]


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
    if image.dtype == np.uint8:
        return image
    least, most = float(image.min()), float(image.max())
    if not np.isfinite(most - least):
        raise ValueError(f'Expected finite values in {source!r}, got NaN or '
                         'infinity. Look at what wrote them.')
    known = own_range(image)
    if known and (colour or value_range == 'full'):
        low, high = known
    elif value_range == 'minmax':
        low, high = least, most
    elif value_range == 'full':
        raise ValueError(
            f'Expected {source!r} as 8 or 16 bit unsigned integers or floats '
            f'in [0, 1], got {image.dtype} from {least:.6g} to {most:.6g}, '
            'whose black and white nobody knows. State them: '
            "uint16_range=(low, high), or 'minmax' of each image "
            '(--uint16-range).')
    else:
        low, high = value_range
        if colour and (most < low or least > high):
            raise ValueError(
                f'Expected values of {source!r} between {low:g} and {high:g}, '
                f'the range that is stated, got {image.dtype} from '
                f'{least:.6g} to {most:.6g}. Save it with 8 bits.')
    # float32 alone would round what has more than 24 bits
    values = image.astype(np.result_type(image.dtype, np.float32), copy=False)
    scaled = (values - low) * (255.0 / max(high - low, 1e-12))
    return np.clip(scaled, 0, 255).astype(np.float32)
