"""First derivatives of an image, shared by many metrics."""
from .image import Image, feature


@feature
def sobel(image: Image, border: str):
    """Unscaled Sobel derivatives along width and height.

    Args:
        image (Image): Image.
        border (str): A rule of ``ops_numpy.BORDERS``.

    Returns:
        tuple: Two arrays (..., H, W); a ramp of slope one gives 8.
    """
    return image.ops.sobel(image.values, border)


@feature
def sobel_magnitude(image: Image, border: str):
    """Length of the Sobel gradient, (..., H, W)."""
    return image.ops.magnitude(*sobel(image, border))
