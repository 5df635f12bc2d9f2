"""Grey levels of an image: integers, stretching and histograms."""
from .image import Image, feature, pair_feature


@feature
def levels(image: Image):
    """Values as integers 0 to 255, (..., H, W)."""
    if image.eight_bit is not None:
        return image.eight_bit
    return image.ops.to_levels(image.values)


@feature
def stretched(image: Image) -> Image:
    """Image with its range mapped to 0..255 and rounded.

    A constant image becomes 0.
    """
    ops, x = image.ops, image.values
    low = ops.amin(x, keepdims=True)
    span = ops.amax(x, keepdims=True) - low
    flat = span == 0
    scaled = (x - low) / ops.xp.where(flat, 1., span) * 255
    return image.derive(round_half_up(ops, scaled))


def round_half_up(ops, x):
    """Nearest integer of non-negative numbers, halves up as MATLAB."""
    return ops.xp.floor(x + 0.5)


@feature
def histogram(image: Image):
    """Counts of the levels, (..., 256)."""
    return image.ops.histogram(levels(image))


@pair_feature
def joint_histogram(image: Image, other: Image):
    """Counts of pairs of levels, (..., 256, 256), first of ``image``."""
    return image.ops.joint_histogram(levels(image), levels(other))
