"""Array operations of the CPU backend: NumPy and OpenCV in float64."""
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import cv2
import numpy as np

#: rule for pixels outside the image: 0, the nearest, mirrored without and
#: with repeating the edge
BORDERS = dict(zero=cv2.BORDER_CONSTANT, replicate=cv2.BORDER_REPLICATE,
               reflect=cv2.BORDER_REFLECT_101, symmetric=cv2.BORDER_REFLECT)
_AXES = (-2, -1)
#: values of all arrays of a block of rows: 2 MB
_BLOCK_ITEMS = 1 << 18
#: windows of a filter that one product of matrices gives
_WINDOWS_AT_ONCE = 8
#: rows of a filtered image that stay in the cache between both directions
_FILTERED_ROWS = 64


class NumpyOps:
    """Operations on one (H, W) float64 array.

    ``xp`` is the namespace of elementwise functions; what differs between
    the backends has a method here and in ``TorchOps``.
    """

    name = 'numpy'
    xp = np

    def asarray(self, values, like=None) -> np.ndarray:
        """float64 array of nested numbers."""
        return np.asarray(values, np.float64)

    def row_blocks(self, x: np.ndarray, overlap: int = 0,
                   layers: int = 16) -> list[slice]:
        """Rows to be taken together: about as many as stay in the cache.

        For long chains of elementwise operations, and to bound memory.

        Args:
            x (np.ndarray): (..., H, W).
            overlap (int): Rows that neighbours share: height of a window
                less one, so that every full window lies in one block.
            layers (int): About how many arrays the operations hold.
        """
        step = max(1, _BLOCK_ITEMS // (layers * x.shape[-1]), 3 * overlap)
        return _overlapping(x.shape[-2], step, overlap)

    def mean(self, x: np.ndarray, keepdims: bool = False):
        """Mean over height and width."""
        return x.mean(axis=_AXES, keepdims=keepdims)

    def sum(self, x: np.ndarray, keepdims: bool = False):
        """Sum over height and width."""
        return x.sum(axis=_AXES, keepdims=keepdims)

    def amin(self, x: np.ndarray, keepdims: bool = False):
        """Smallest value over height and width."""
        return x.min(axis=_AXES, keepdims=keepdims)

    def amax(self, x: np.ndarray, keepdims: bool = False):
        """Largest value over height and width."""
        return x.max(axis=_AXES, keepdims=keepdims)

    def median(self, x: np.ndarray, keepdims: bool = False):
        """Median over height and width; mean of the two in the middle."""
        return np.median(x, axis=_AXES, keepdims=keepdims)

    def dot(self, x: np.ndarray, y: np.ndarray):
        """Sum of products over height and width."""
        return np.vdot(x, y)

    def at_least(self, x: np.ndarray, low: float) -> np.ndarray:
        """Values, and ``low`` in place of smaller ones."""
        return np.maximum(x, low)

    def distance(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """|x - y|."""
        return cv2.absdiff(x, y)

    def squared_distance(self, x: np.ndarray, y: np.ndarray) -> np.float64:
        """Sum of (x - y)^2 over height and width; also of 8-bit images."""
        return np.float64(cv2.norm(x, y, cv2.NORM_L2SQR))

    def linear(self, x: np.ndarray, scale: float, shift: float) -> np.ndarray:
        """scale * x + shift."""
        return cv2.addWeighted(x, scale, x, 0., shift)

    def exceeds(self, x: np.ndarray, low: float) -> bool:
        """Whether all values are above ``low``."""
        return bool(x.min() > low)

    def log_sum(self, x: np.ndarray):
        """Sum of the natural logarithms of positive numbers below 1e18.

        Sixteen neighbours are multiplied before the logarithm is taken,
        which is exact to rounding and spares 15 of 16 logarithms.
        """
        flat = x.reshape(-1)
        whole = flat.size // 16 * 16
        products = flat[:whole].reshape(16, -1).prod(axis=0)
        return np.log(products).sum() + np.log(flat[whole:]).sum()

    def magnitude(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """sqrt(x * x + y * y)."""
        return cv2.magnitude(x, y)

    def angle(self, x: np.ndarray, y: np.ndarray,
              vertical: float) -> np.ndarray:
        """arctan(y / x), and ``vertical`` where x, which is lost, is 0."""
        flat = x == 0
        np.copyto(x, 1., where=flat)  # the arctangent of infinity takes long
        np.divide(y, x, out=x)
        np.arctan(x, out=x)
        np.copyto(x, vertical, where=flat)
        return x

    def overwrite(self, x: np.ndarray, where: np.ndarray,
                  values: np.ndarray) -> np.ndarray:
        """``values`` at some places, ``x``, which is lost, at all others.

        Many times as fast as ``where`` for few places.
        """
        np.copyto(x, values, where=where)
        return x

    def central(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Derivatives along width and height, one-sided at the rim."""
        parts: list[np.ndarray] = [
            cv2.Sobel(x, cv2.CV_64F, *order, ksize=1, scale=0.5,
                      borderType=cv2.BORDER_REPLICATE)
            for order in ((1, 0), (0, 1))
        ]
        along, down = parts
        # Differences at the rim span one pixel, all others two.
        along[:, [0, -1]] *= 2
        down[[0, -1]] *= 2
        return along, down

    def sobel(self, x: np.ndarray,
              border: str) -> tuple[np.ndarray, np.ndarray]:
        """Derivatives along width and height by unscaled Sobel kernels.

        Args:
            x (np.ndarray): (H, W), float64 or uint8.
            border (str): A key of ``BORDERS``, or ``'valid'`` for pixels
                with eight neighbours alone.

        Returns:
            tuple[np.ndarray, np.ndarray]: (H, W) each, less two pixels for
            ``'valid'``.
        """
        if border != 'valid':
            x = self.pad(x, 1, 1, 1, 1, border)
        if x.dtype == np.uint8:  # in a fraction of the time
            along, down = (part[1:-1, 1:-1].astype(np.float64)
                           for part in cv2.spatialGradient(x))
            return along, down
        height, width = x.shape
        along, down = np.empty((2, height - 2, width - 2))
        # OpenCV's filters take twice as long in float64. The order of the
        # sums is that of MATLAB's, which shows where flat patches are not
        # of whole numbers.
        for rows in self.row_blocks(x, overlap=2):
            block, target = x[rows], slice(rows.start, rows.stop - 2)
            smooth = 2 * block[1:-1]
            smooth += block[:-2]
            smooth += block[2:]
            np.subtract(smooth[:, 2:], smooth[:, :-2], out=along[target])
            difference = block[2:] - block[:-2]
            total = np.multiply(difference[:, 1:-1], 2, out=down[target])
            total += difference[:, :-2]
            total += difference[:, 2:]
        return along, down

    def separable(self, x: np.ndarray, column: Sequence[float],
                  row: Sequence[float], border: str,
                  step: int = 1) -> np.ndarray:
        """Correlate with the outer product of two odd kernels.

        Args:
            x (np.ndarray): (H, W).
            column (sequence[float]): Weights along the height.
            row (sequence[float]): Weights along the width.
            border (str): A key of ``BORDERS``, or ``'valid'`` for full
                windows alone.
            step (int): Distance of windows, pixels. Defaults to 1.

        Returns:
            np.ndarray: (H, W), or smaller by the window less one, divided
            by ``step`` and rounded up.
        """
        if border != 'valid':
            rows, columns = len(column) // 2, len(row) // 2
            x = self.pad(x, rows, rows, columns, columns, border)
        column, row = tuple(column), tuple(row)
        height, width = ((side - len(weights)) // step + 1
                         for side, weights in zip(x.shape, (column,
                                                            row), strict=True))
        out = np.empty((height, width))
        for first in range(0, height, _FILTERED_ROWS):
            last = min(first + _FILTERED_ROWS, height)
            block = x[first * step:(last - 1) * step + len(column)]
            _correlate_rows(_correlate_columns(block, column, step), row, step,
                            out[first:last])
        return out

    def box(self, x: np.ndarray, size: int, border: str) -> np.ndarray:
        """Mean of square windows of an odd size; as :meth:`separable`."""
        side = (1 / size, ) * size
        return self.separable(x, side, side, border)

    def pad(self, x: np.ndarray, top: int, bottom: int, left: int, right: int,
            border: str) -> np.ndarray:
        """Pad height and width by a rule of ``BORDERS``."""
        return cv2.copyMakeBorder(x, top, bottom, left, right, BORDERS[border])

    def pick(self, x: np.ndarray, index: np.ndarray) -> np.ndarray:
        """``x[index]`` elementwise: (...) of (n, ...) and integers (...)."""
        place = np.arange(index.size) + index.ravel() * index.size
        return x.reshape(-1).take(place).reshape(index.shape)

    def histogram(self, levels: np.ndarray) -> np.ndarray:
        """Counts of the integers 0 to 255: (256, ) of (H, W) uint8."""
        return self._count((levels, ))

    def joint_histogram(self, rows: np.ndarray,
                        columns: np.ndarray) -> np.ndarray:
        """Counts of pairs of integers 0 to 255.

        Args:
            rows (np.ndarray): (H, W) uint8.
            columns (np.ndarray): (H, W) uint8.

        Returns:
            np.ndarray: (256, 256), first index of ``rows``.
        """
        return self._count((rows, columns))

    @staticmethod
    def _count(levels: tuple[np.ndarray, ...]) -> np.ndarray:
        """Histogram of one or two images, float64."""
        number = len(levels)
        total: Any = 0.
        # OpenCV counts in float32, which is exact up to 2^24.
        step = max(1, (1 << 24) // levels[0].shape[1])
        for first in range(0, levels[0].shape[0], step):
            part = [array[first:first + step] for array in levels]
            total = total + cv2.calcHist(part, [*range(number)], None,
                                         [256] * number,
                                         [0, 256] * number).astype(np.float64)
        return total.reshape((256, ) * number)

    def to_levels(self, x: np.ndarray) -> np.ndarray:
        """Nearest integers 0 to 255, halves to even, uint8."""
        return cv2.convertScaleAbs(np.maximum(x, 0))

    def compact(self, x: np.ndarray, levels: np.ndarray) -> np.ndarray:
        """``levels`` if they are ``x``, for what is quicker on 8 bits."""
        return levels if np.array_equal(levels, x) else x

    def entropy(self, counts: np.ndarray, axes: int):
        """Shannon entropy in bits of counts over the last axes."""
        live = counts[counts > 0]
        total = live.sum()
        return np.log2(total) - np.vdot(live, np.log2(live)) / total

    def fft2(self, x: np.ndarray) -> np.ndarray:
        """Fourier transform of height and width."""
        return np.fft.fft2(x)

    def ifft2(self, x: np.ndarray) -> np.ndarray:
        """Inverse of :meth:`fft2`, complex."""
        return np.fft.ifft2(x)

    def rfft2(self, x: np.ndarray) -> np.ndarray:
        """Half of the Fourier transform of real numbers."""
        return np.fft.rfft2(x)

    def irfft2(self, x: np.ndarray, size: tuple[int, int]) -> np.ndarray:
        """Real inverse of :meth:`rfft2` for an image of ``size``."""
        return np.fft.irfft2(x, s=size)


def _overlapping(length: int, step: int, overlap: int) -> list[slice]:
    """Cut a length into slices of ``step`` more than the overlap."""
    last = length - overlap
    return [
        slice(first,
              min(first + step, last) + overlap)
        for first in range(0, last, step)
    ]


@lru_cache(maxsize=256)
def _banded(weights: tuple[float, ...], count: int, step: int) -> np.ndarray:
    """(count, n) matrix: ``weights`` in every row, ``step`` further each.

    A product with it gives neighbouring windows at once. Many times the
    arithmetic of a filter, but the matrix routines more than make up for
    it: they take a third of the time of OpenCV's filters in float64.
    """
    size = len(weights)
    matrix = np.zeros((count, (count - 1) * step + size))
    for index in range(count):
        matrix[index, index * step:index * step + size] = weights
    return matrix


@lru_cache(maxsize=256)
def _banded_upright(*how) -> np.ndarray:
    """Transpose of :func:`_banded`; a copy, which takes half the time."""
    return np.ascontiguousarray(_banded(*how).T)


def _correlate_columns(x: np.ndarray, weights: tuple[float, ...],
                       step: int) -> np.ndarray:
    """Correlate along the height, full windows alone."""
    height, width = x.shape
    total = (height - len(weights)) // step + 1
    count = min(_WINDOWS_AT_ONCE, total)
    matrix = _banded(weights, count, step)
    out = np.empty((total, width))
    blocks, rest = divmod(total, count)
    x = np.ascontiguousarray(x)
    down, along = x.strides
    views: np.ndarray = np.ndarray((blocks, matrix.shape[1], width), x.dtype,
                                   x, 0, (count * step * down, down, along))
    np.matmul(matrix, views,
              out=out[:total - rest].reshape(blocks, count, width))
    if rest:  # the last windows, some for the second time
        first = (total - count) * step
        np.matmul(matrix, x[first:first + matrix.shape[1]],
                  out=out[total - count:])
    return out


def _correlate_rows(x: np.ndarray, weights: tuple[float, ...], step: int,
                    out: np.ndarray) -> None:
    """Correlate along the width, full windows alone."""
    height, total = out.shape
    count = min(_WINDOWS_AT_ONCE, total)
    matrix = _banded_upright(weights, count, step)
    blocks, rest = divmod(total, count)
    down, along = x.strides
    views: np.ndarray = np.ndarray((blocks, height, matrix.shape[0]), x.dtype,
                                   x, 0, (count * step * along, down, along))
    down, along = out.strides
    targets: np.ndarray = np.ndarray((blocks, height, count), out.dtype, out,
                                     0, (count * along, down, along))
    np.matmul(views, matrix, out=targets)
    if rest:
        first = (total - count) * step
        np.matmul(x[:, first:first + matrix.shape[0]], matrix,
                  out=out[:, total - count:])


NUMPY = NumpyOps()
