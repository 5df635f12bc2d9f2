"""Schedules and steps of diffusion samplers, and blending of tiles."""
import math
from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

SCHEDULES = ('linear', 'scaled_linear', 'cosine')
PREDICTIONS = ('epsilon', 'v', 'x0')
NORMS = ('minmax', 'clamp')


def cumulative_alphas(type: str = 'linear', T: int = 1000,
                      beta_start: float = 1e-4,
                      beta_end: float = 0.02) -> np.ndarray:
    """Products of ``1 - beta``: the share of signal in the noisy image.

    Args:
        type (str): ``'linear'`` in beta (Ho et al., NeurIPS 2020),
            ``'scaled_linear'`` in its root (latent diffusion) or
            ``'cosine'`` (Nichol & Dhariwal, ICML 2021; betas up to 0.999).
        T (int): Number of steps.
        beta_start (float): Of the linear ones.
        beta_end (float): Of the linear ones.

    Returns:
        np.ndarray: (T, ) float64, falling.

    Raises:
        ValueError: If the type is unknown or T below 1.
    """
    if type not in SCHEDULES or T < 1:
        raise ValueError(f'Expected a schedule of {SCHEDULES} with T >= 1, '
                         f'got {type!r} with {T}.')
    if type == 'cosine':
        angles = (np.arange(T + 1) / T + 0.008) / 1.008 * math.pi / 2
        curve = np.cos(angles)**2
        betas = np.minimum(1 - curve[1:] / curve[:-1], 0.999)
    elif type == 'linear':
        betas = np.linspace(beta_start, beta_end, T)
    else:
        betas = np.linspace(beta_start**0.5, beta_end**0.5, T)**2
    return np.cumprod(1 - betas)


def respaced_steps(count: int, T: int) -> np.ndarray:
    """``count`` of T steps from the first to the last, evenly spaced.

    Args:
        count (int): From 1 to T.
        T (int): Number of steps of the schedule.

    Returns:
        np.ndarray: (count, ) int64, rising; the last alone for one.

    Raises:
        ValueError: If count is out of range.
    """
    if not 1 <= count <= T:
        raise ValueError(f'Expected 1 to {T} steps, got {count}.')
    if count == 1:
        return np.array([T - 1])
    # Rounded half to even, as Python's round in the released code.
    return np.rint(np.arange(count) * (T - 1) / (count - 1)).astype(np.int64)


def clean_estimate(x: Tensor, output: Tensor, alpha: float,
                   prediction: str) -> Tensor:
    """The clean image that a denoiser's output stands for.

    Args:
        x (Tensor): Noisy images, (B, C, H, W).
        output (Tensor): Of the denoiser, the same shape.
        alpha (float): Cumulative product of this step.
        prediction (str): ``'epsilon'``, ``'v'`` or ``'x0'``.

    Returns:
        Tensor: (B, C, H, W).
    """
    signal, noise = alpha**0.5, (1 - alpha)**0.5
    if prediction == 'x0':
        return output
    if prediction == 'v':
        return signal * x - noise * output
    return (x - noise * output) / signal


def ddim_step(x: Tensor, clean: Tensor, alpha: float, previous: float,
              eta: float = 0., noise: Tensor | None = None) -> Tensor:
    """One step of DDIM (Song et al., ICLR 2021, equation 12).

    Args:
        x (Tensor): Noisy images, (B, C, H, W).
        clean (Tensor): Their clean estimate.
        alpha (float): Cumulative product of this step.
        previous (float): That of the step to come, larger.
        eta (float): 0 is deterministic, 1 as noisy as DDPM.
        noise (Tensor, optional): Standard normal; needed for eta above 0.

    Returns:
        Tensor: Less noisy images.
    """
    epsilon = (x - alpha**0.5 * clean) / max(1 - alpha, 1e-12)**0.5
    sigma = eta * ((1 - previous) / max(1 - alpha, 1e-12) *
                   max(1 - alpha / previous, 0.))**0.5
    out = previous**0.5 * clean + max(1 - previous - sigma**2,
                                      0.)**0.5 * epsilon
    return out if noise is None or not sigma else out + sigma * noise


def to_unit_range(image: Tensor, norm: str,
                  size: Sequence[int] | None = None) -> Tensor:
    """From about [-1, 1] to [0, 1].

    Args:
        image (Tensor): (B, C, H, W).
        norm (str): ``'minmax'`` stretches each image to the full range (a
            constant one has no contrast to stretch); ``'clamp'`` keeps
            brightness.
        size (sequence[int], optional): (height, width) of the upper left
            part whose range is stretched, where the rest is padding; that
            is clamped. Defaults to the whole image.
    """
    kept = ((image + 1) / 2).clamp(0, 1)
    if norm == 'clamp':
        return kept
    height, width = size or image.shape[-2:]
    low, high = (pick(image[..., :height, :width], (1, 2, 3), keepdim=True)
                 for pick in (torch.amin, torch.amax))
    flat = high <= low
    wide = (image - low) / torch.where(flat, 1., high - low)
    return torch.where(flat, kept, wide.clamp(0, 1))


class ImageNoise:
    """Standard normal noise that does not depend on the batch.

    Each image has a generator of its own; numbers are drawn on the CPU in
    float32, whatever the device.

    Args:
        seeds (sequence[int]): One an image.
    """

    def __init__(self, seeds: Sequence[int]) -> None:
        self.generators: list[torch.Generator] = [
            torch.Generator().manual_seed(int(seed)) for seed in seeds
        ]

    def draw(self, shape: Sequence[int], like: Tensor) -> Tensor:
        """(B, *shape) in type and on the device of ``like``."""
        parts = [
            torch.randn(tuple(shape), generator=generator)
            for generator in self.generators
        ]
        return torch.stack(parts).to(like, non_blocking=True)


def tiled(function: Callable[[Tensor], Tensor], x: Tensor, size: int,
          overlap: int) -> Tensor:
    """Apply a function to overlapping tiles and blend by cosine windows.

    Args:
        function (callable): (B, C, size, size) to (B, C', size, size).
        x (Tensor): (B, C, H, W).
        size (int): Side of a tile, pixels; smaller images are one tile.
        overlap (int): Least overlap of neighbours, pixels.

    Returns:
        Tensor: (B, C', H, W).

    Raises:
        ValueError: If the overlap is negative or reaches half a tile.
    """
    if not 0 <= overlap <= size // 2:
        raise ValueError(f'Expected an overlap of 0 to {size // 2} for tiles '
                         f'of {size}, got {overlap}.')
    height, width = x.shape[-2:]
    total: Tensor | None = None
    weights = x.new_zeros(1, 1, height, width)
    for top, rows in _places(height, size, overlap):
        for left, columns in _places(width, size, overlap):
            part = function(x[..., top:top + rows, left:left + columns])
            if total is None:
                total = x.new_zeros(*part.shape[:2], height, width)
            window = torch.outer(_window(rows, overlap, x),
                                 _window(columns, overlap, x))
            place = (..., slice(top, top + rows), slice(left, left + columns))
            total[place] += window * part
            weights[place] += window
    return total / weights


def _places(length: int, size: int, overlap: int) -> list[tuple[int, int]]:
    """(start, length) of the tiles along one axis."""
    if length <= size:
        return [(0, length)]
    count = -(-(length - overlap) // (size - overlap))
    return [(round(index * (length - size) / (count - 1)), size)
            for index in range(count)]


def _window(length: int, overlap: int, like: Tensor) -> Tensor:
    """Ones that fall to nearly zero at both ends like a cosine."""
    window = like.new_ones(length)
    if overlap:
        ramp = (torch.arange(overlap) + 0.5) / overlap
        ramp = (0.5 - 0.5 * torch.cos(math.pi * ramp)).to(
            like, non_blocking=True)
        window[:overlap] *= ramp
        window[length - overlap:] *= ramp.flip(0)
    return window
