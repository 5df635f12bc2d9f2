"""First derivatives of an image, shared by many metrics."""
from .image import Image, feature
from .levels import levels


@feature
def compact(image: Image) -> Image:
    """The image, in 8 bits if it has no more and if that is quicker."""
    if image.eight_bit is not None:
        return image.derive(image.eight_bit)
    return image.derive(image.ops.compact(image.values, levels(image)))


@feature
def sobel(image: Image, border: str):
    """Unscaled Sobel derivatives along width and height.

    Args:
        image (Image): Image.
        border (str): A rule of ``ops_numpy.BORDERS``.

    Returns:
        tuple: Two arrays (..., H, W); a ramp of slope one gives 8.
    """
    return image.ops.sobel(compact(image).values, border)


@feature
def sobel_magnitude(image: Image, border: str):
    """Length of the Sobel gradient, (..., H, W)."""
    return image.ops.magnitude(*sobel(image, border))
