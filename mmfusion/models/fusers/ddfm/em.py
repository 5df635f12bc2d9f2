"""Likelihood rectification of DDFM: one image of two, by EM.

Source: Zhao et al., ICCV 2023, arXiv 2303.06840, section 3. Both sources
are to be near the fused image in L1; each Laplace term is a Gaussian whose
variance is hidden, and a smoothness prior is split off (half-quadratic).
All is elementwise or a Fourier transform, batched over images.
"""
from dataclasses import dataclass

import torch
from torch import Tensor

VARIANTS = ('release', 'consistent')


@dataclass
class EMState:
    """What one iteration leaves to the next.

    Attributes:
        gamma (Tensor): Mean variance of the distance to i, (B, 1, 1, 1).
        rho (Tensor): That of the distance to v.
        along (Tensor): Smoothed derivative along the width, (B, 1, H, W).
        down (Tensor): That along the height.
    """
    gamma: Tensor
    rho: Tensor
    along: Tensor
    down: Tensor

    @classmethod
    def start(cls, like: Tensor) -> 'EMState':
        """Of images (B, 1, H, W): ones and zeros."""
        one = like.new_ones(like.shape[0], 1, 1, 1)
        zero = torch.zeros_like(like)
        return cls(one, one, zero, zero)


def em_iteration(fused: Tensor, i: Tensor, v: Tensor, state: EMState,
                 psi: float = 0.5, eta: float = 0.001, ratio_clip: float = 2.0,
                 variant: str = 'release') -> tuple[Tensor, EMState]:
    """Pull a fused image towards both sources.

    ``'consistent'`` follows the paper's derivation: x = f - v is updated
    and f = v + x returned. ``'release'`` is what the authors' code
    computes: it returns f = i - x, so that the sources change roles inside
    each iteration, and its explicit differences have the sign opposite to
    that of its Fourier kernels and do not wrap at the border.

    Args:
        fused (Tensor): f, (B, 1, H, W).
        i (Tensor): First source, (B, 1, H, W).
        v (Tensor): Second source.
        state (EMState): From the iteration before.
        psi (float): Weight of smoothness (``lamb`` in the code).
        eta (float): Weight of the split (``rho`` in the code).
        ratio_clip (float): Largest ratio of both precisions.
        variant (str): As above.

    Returns:
        tuple[Tensor, EMState]: New f and state.
    """
    x, y = fused - v, i - v
    precise_i = (2 / state.gamma).sqrt() / (y - x + 1e-6).square().sqrt()
    precise_v = (2 / state.rho / (x.square() + 1e-6)).sqrt()
    precise_v = torch.minimum(precise_v, ratio_clip * precise_i)
    axes = (1, 2, 3)
    rho = (1 / (precise_v + 1e-10) + state.rho / 2).mean(axes, keepdim=True)
    gamma = (1 / (precise_i + 1e-10) + state.gamma / 2).mean(
        axes, keepdim=True)
    release = variant == 'release'
    smooth = _smooth(y - x if release else x, state)
    share = eta / (2 * psi + eta)
    along, down = (share * part
                   for part in _differences(smooth, wrap=not release))
    pull = y - smooth if release else smooth
    both = 2 * precise_i + 2 * precise_v
    x = (2 * precise_i * y + eta * pull) / (both + eta)
    return i - x if release else v + x, EMState(gamma, rho, along, down)


def _smooth(image: Tensor, state: EMState) -> Tensor:
    """The image whose differences are near those of the state."""
    height, width = image.shape[-2:]
    kernels = image.new_zeros(2, height, width)
    # -1 at the place itself, +1 at the next: where a side is 1, it is zero
    kernels[:, 0, 0] -= 1
    kernels[0, 0, -1] += 1
    kernels[1, -1, 0] += 1
    along, down = torch.fft.rfft2(kernels)
    spectrum = torch.fft.rfft2(image)
    spectrum = spectrum + along.conj() * torch.fft.rfft2(state.along)
    spectrum = spectrum + down.conj() * torch.fft.rfft2(state.down)
    power = 1 + along.abs().square() + down.abs().square()
    return torch.fft.irfft2(spectrum / power, s=(height, width))


def _differences(image: Tensor, wrap: bool) -> tuple[Tensor, Tensor]:
    """Derivatives along the width and the height."""
    if wrap:
        return (image.roll(-1, 3) - image, image.roll(-1, 2) - image)
    along = image.clone()
    along[..., :-1] -= image[..., 1:]
    down = image.clone()
    down[..., :-1, :] -= image[..., 1:, :]
    return along, down
