"""Array operations of the GPU backend: batches of torch tensors.

Differentiable where the operation is, so losses share these forms.
"""
import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

#: factors of the 3x3 Sobel kernels; a ramp of slope one gives 8
SOBEL_SMOOTH = (1., 2., 1.)
SOBEL_DIFFERENCE = (-1., 0., 1.)
_AXES = (-2, -1)
#: values of all arrays of a block of rows of a batch: 0.5 GB
_BLOCK_ITEMS = 1 << 26


def scattered_counts(index: Tensor, bins: int) -> Tensor:
    """``bincount`` of integers (N, ) below ``bins``, for GPUs: that asks one
    for the largest of them, and waits."""
    return index.new_zeros(bins).scatter_add_(0, index, torch.ones_like(index))


class TorchOps:
    """Operations on (B, H, W) tensors of float32 or float64.

    Methods have the meaning of those of ``NumpyOps``, for each image of the
    batch.
    """

    name = 'torch'
    xp = torch

    def asarray(self, values, like: Tensor) -> Tensor:
        """Tensor of nested numbers with the type and device of ``like``."""
        # numbers in common memory are taken at once: nothing has to wait
        return torch.as_tensor(values,
                               dtype=like.dtype).to(like.device,
                                                    non_blocking=True)

    def row_blocks(self, x: Tensor, overlap: int = 0,
                   layers: int = 16) -> list[slice]:
        """Rows to be taken together, so that memory stays bounded."""
        step = max(1, _BLOCK_ITEMS // (layers * x.shape[0] * x.shape[-1]),
                   3 * overlap)
        last = x.shape[-2] - overlap
        return [
            slice(first,
                  min(first + step, last) + overlap)
            for first in range(0, last, step)
        ]

    def mean(self, x: Tensor, keepdims: bool = False) -> Tensor:
        """Mean over height and width."""
        return x.mean(dim=_AXES, keepdim=keepdims)

    def sum(self, x: Tensor, keepdims: bool = False) -> Tensor:
        """Sum over height and width."""
        return x.sum(dim=_AXES, keepdim=keepdims)

    def amin(self, x: Tensor, keepdims: bool = False) -> Tensor:
        """Smallest value over height and width."""
        return x.amin(dim=_AXES, keepdim=keepdims)

    def amax(self, x: Tensor, keepdims: bool = False) -> Tensor:
        """Largest value over height and width."""
        return x.amax(dim=_AXES, keepdim=keepdims)

    def median(self, x: Tensor, keepdims: bool = False) -> Tensor:
        """Median over height and width; mean of the two in the middle."""
        ordered = x.flatten(-2).sort(-1).values
        size = ordered.shape[-1]
        middle = ordered[..., (size - 1) // 2:size // 2 + 1].mean(-1)
        return middle[..., None, None] if keepdims else middle

    def dot(self, x: Tensor, y: Tensor) -> Tensor:
        """Sum of products over height and width."""
        return (x * y).sum(dim=_AXES)

    def at_least(self, x: Tensor, low: float) -> Tensor:
        """Values, and ``low`` in place of smaller ones."""
        return x.clamp(min=low)

    def distance(self, x: Tensor, y: Tensor) -> Tensor:
        """|x - y|."""
        return (x - y).abs()

    def squared_distance(self, x: Tensor, y: Tensor) -> Tensor:
        """Sum of (x - y)^2 over height and width."""
        difference = x - y
        return self.dot(difference, difference)

    def linear(self, x: Tensor, scale: float, shift: float) -> Tensor:
        """scale * x + shift."""
        return scale * x + shift

    def exceeds(self, x: Tensor, low: float) -> bool:
        """Whether all values of all images are above ``low``."""
        return bool((x > low).all())

    def log_sum(self, x: Tensor) -> Tensor:
        """Sum of the natural logarithms of positive numbers."""
        return x.log().sum(dim=_AXES)

    def magnitude(self, x: Tensor, y: Tensor) -> Tensor:
        """sqrt(x * x + y * y)."""
        # Unlike hypot the same for all integers of one length.
        return (x * x + y * y).sqrt()

    def angle(self, x: Tensor, y: Tensor, vertical: float) -> Tensor:
        """arctan(y / x), and ``vertical`` where x is 0."""
        flat = x == 0
        return torch.where(flat, vertical,
                           torch.atan(y / torch.where(flat, 1., x)))

    def overwrite(self, x: Tensor, where: Tensor, values: Tensor) -> Tensor:
        """``values`` at some places, ``x`` at all others."""
        return torch.where(where, values, x)

    def central(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Derivatives along width and height, one-sided at the rim."""
        down, along = torch.gradient(x, dim=_AXES)
        return along, down

    def sobel(self, x: Tensor, border: str) -> tuple[Tensor, Tensor]:
        """Derivatives along width and height by unscaled Sobel kernels."""
        return (self.separable(x, SOBEL_SMOOTH, SOBEL_DIFFERENCE, border),
                self.separable(x, SOBEL_DIFFERENCE, SOBEL_SMOOTH, border))

    def separable(self, x: Tensor, column: Sequence[float],
                  row: Sequence[float], border: str, step: int = 1) -> Tensor:
        """Correlate with the outer product of two odd kernels.

        A sum of shifted images, since convolutions of a GPU round float32
        to TF32's 10 bits, which ruins variances. It is quicker, too.
        """
        x = self._around(x, len(column) // 2, len(row) // 2, border)[:, 0]
        x = _weighted_shifts(x, column, -2)[:, ::step]
        return _weighted_shifts(x, row, -1)[..., ::step]

    def box(self, x: Tensor, size: int, border: str) -> Tensor:
        """Mean of square windows of an odd size."""
        side = (1 / size, ) * size
        return self.separable(x, side, side, border)

    def _around(self, x: Tensor, rows: int, columns: int,
                border: str) -> Tensor:
        """(B, 1, H, W) with room for the windows at the border."""
        if border != 'valid':
            x = self.pad(x, rows, rows, columns, columns, border)
        return x[:, None]

    def pad(self, x: Tensor, top: int, bottom: int, left: int, right: int,
            border: str) -> Tensor:
        """Pad height and width by the rules of ``NumpyOps.pad``."""
        sides = (left, right, top, bottom)
        if border == 'zero':
            return F.pad(x, sides)
        if border == 'symmetric':
            for axis, before, after in ((1, top, bottom), (2, left, right)):
                length = x.shape[axis]
                x = torch.cat(
                    (x.narrow(axis, 0, before).flip(axis), x,
                     x.narrow(axis, length - after, after).flip(axis)), axis)
            return x
        return F.pad(x[:, None], sides, mode=border)[:, 0]

    def pick(self, x: Tensor, index: Tensor) -> Tensor:
        """``x[index]`` elementwise: (...) of (n, ...) and integers (...)."""
        return x.gather(0, index[None])[0]

    def histogram(self, levels: Tensor) -> Tensor:
        """Counts of the integers 0 to 255: (B, 256) of (B, H, W)."""
        return self._count(levels.flatten(1), 256)

    def joint_histogram(self, rows: Tensor, columns: Tensor) -> Tensor:
        """Counts of pairs of integers 0 to 255: (B, 256, 256)."""
        index = rows.flatten(1) * 256 + columns.flatten(1)
        return self._count(index, 65536).view(-1, 256, 256)

    def _count(self, index: Tensor, bins: int) -> Tensor:
        batch = index.shape[0]
        first = torch.arange(batch, device=index.device)[:, None] * bins
        index = (index + first).flatten()
        if index.device.type == 'cpu':
            counts = torch.bincount(index, minlength=batch * bins)
        else:
            counts = scattered_counts(index, batch * bins)
        return counts.view(batch, bins).double()  # shares need its digits

    def to_levels(self, x: Tensor) -> Tensor:
        """Nearest integers 0 to 255, halves to even."""
        return x.round().clamp(0, 255).long()

    def compact(self, x: Tensor, levels: Tensor) -> Tensor:
        """``x``; nothing is quicker on 8 bits."""
        return x

    def entropy(self, counts: Tensor, axes: int) -> Tensor:
        """Shannon entropy in bits of counts over the last axes."""
        counts = counts.flatten(-axes)
        total = counts.sum(-1)
        return (total.log() -
                torch.xlogy(counts, counts).sum(-1) / total) / math.log(2)

    def fft2(self, x: Tensor) -> Tensor:
        """Fourier transform of height and width."""
        return torch.fft.fft2(x)

    def ifft2(self, x: Tensor) -> Tensor:
        """Inverse of :meth:`fft2`, complex."""
        return torch.fft.ifft2(x)

    def rfft2(self, x: Tensor) -> Tensor:
        """Half of the Fourier transform of real numbers."""
        return torch.fft.rfft2(x)

    def irfft2(self, x: Tensor, size: tuple[int, int]) -> Tensor:
        """Real inverse of :meth:`rfft2` for an image of ``size``."""
        return torch.fft.irfft2(x, s=size)


def _weighted_shifts(x: Tensor, weights: Sequence[float], axis: int) -> Tensor:
    """Correlate along one axis, full windows alone."""
    length = x.shape[axis] - len(weights) + 1
    shifts = [(weight, x.narrow(axis, start, length))
              for start, weight in enumerate(weights) if weight]
    total = shifts[0][0] * shifts[0][1]
    for weight, shifted in shifts[1:]:
        total = torch.add(total, shifted, alpha=weight)
    return total


TORCH = TorchOps()
