"""Images at half the size, shared by metrics of several scales."""
from .image import Image, feature


@feature
def halved(image: Image, odd: str) -> Image:
    """Means of 2x2 pixels, half the size rounded up.

    Args:
        image (Image): Image.
        odd (str): What completes an odd height or width: ``'zero'``, a line
            of zeros before the first one (average pooling with padding);
            ``'repeat'``, the last one once more, as mirrored borders
            have it.
    """
    ops, x = image.ops, image.values
    rows, columns = (side % 2 for side in image.size)
    if rows or columns:
        if odd == 'zero':
            x = ops.pad(x, rows, 0, columns, 0, 'zero')
        else:
            x = ops.pad(x, 0, rows, 0, columns, 'replicate')
    upper = x[..., ::2, ::2] + x[..., ::2, 1::2]
    lower = x[..., 1::2, ::2] + x[..., 1::2, 1::2]
    return image.derive((upper + lower) / 4)
