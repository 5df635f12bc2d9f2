"""Lazily evaluated context of one image: every feature computed once.

A feature is a function of an :class:`Image` (or of two) that keeps its
result with the image. Metrics that share a gradient, a histogram or a window
moment therefore share its cost, and what belongs to the sources is reused
for every method that fuses them.
"""
from collections.abc import Callable
from functools import wraps
from typing import Any


class Image:
    """One single-channel image, or a batch of them, and what is known of it.

    Args:
        values (np.ndarray | Tensor): (H, W) array or (B, H, W) tensor of
            floats, 0 to 255.
        ops (NumpyOps | TorchOps): Array operations of the backend.
        lasting (bool): Whether it serves several fused images, so that
            what is large but soon computed again is kept, too. Defaults to
            False.
        eight_bit (np.ndarray, optional): The values as uint8, where that is
            at hand and loses nothing.
    """

    def __init__(self, values: Any, ops: Any, lasting: bool = False,
                 eight_bit: Any = None) -> None:
        self.values = values
        self.ops = ops
        self.lasting = lasting
        self.eight_bit = eight_bit
        self._known: dict[tuple, Any] = {}

    @property
    def size(self) -> tuple[int, int]:
        """Height and width."""
        return tuple(self.values.shape[-2:])

    def derive(self, values: Any) -> 'Image':
        """Image of other values, e.g. one level of a pyramid."""
        return Image(values, self.ops, self.lasting)

    def recall(self, key: tuple, compute: Callable) -> Any:
        """Value kept under ``key``, computed on the first call."""
        if key not in self._known:
            self._known[key] = compute()
        return self._known[key]


def feature(function: Callable) -> Callable:
    """Keep the results of ``function(image, *hashable)`` with the image."""

    @wraps(function)
    def cached(image: Image, *args):
        return image.recall((function, *args), lambda: function(image, *args))

    return cached


def pair_feature(function: Callable) -> Callable:
    """Keep the results of ``function(image, other, *hashable)``.

    They are kept with ``image``: give the fused image first, so that they
    are dropped with it and the sources stay small.
    """

    @wraps(function)
    def cached(image: Image, other: Image, *args):
        return image.recall((function, other, *args),
                            lambda: function(image, other, *args))

    return cached
