"""Losses of a discriminator, and what TarDAL's two of them look at."""
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from mmfusion.utils.errors import check_choice

DETAILS = ('background', 'released_code')


def gradient_magnitude(image: Tensor) -> Tensor:
    """``sqrt(dx^2 + dy^2 + 1e-6)`` of differences to the next pixel.

    Args:
        image (Tensor): (B, 1, H, W).

    Returns:
        Tensor: (B, 1, H, W); beyond the last row and column its values are
        taken to go on.
    """
    padded = F.pad(image, (0, 1, 0, 1), mode='replicate')
    along = padded[..., :-1, 1:] - image
    down = padded[..., 1:, :-1] - image
    return (along.square() + down.square() + 1e-6).sqrt()


def target_views(fused: Tensor, vis: Tensor, ir: Tensor,
                 mask: Tensor) -> tuple[Tensor, Tensor]:
    """Real and fake of the target discriminator: the targets alone.

    Args:
        fused (Tensor): (B, 1, H, W).
        vis (Tensor): (B, 1, H, W), not looked at.
        ir (Tensor): (B, 1, H, W).
        mask (Tensor): 1 in targets, (B, 1, H, W).

    Returns:
        tuple[Tensor, Tensor]: ``ir m`` and ``fused m``.
    """
    return ir * mask, fused * mask


def detail_views(fused: Tensor, vis: Tensor, ir: Tensor, mask: Tensor,
                 real: str = 'background') -> tuple[Tensor, Tensor]:
    """Real and fake of the detail discriminator: edges of the background.

    Args:
        fused (Tensor): (B, 1, H, W).
        vis (Tensor): (B, 1, H, W).
        ir (Tensor): (B, 1, H, W), not looked at.
        mask (Tensor): 1 in targets, m, (B, 1, H, W).
        real (str): ``'background'``, edges of ``vis (1 - m)``, or
            ``'released_code'``, edges of ``edges(vis) m``, as the authors'
            first release computes them.

    Returns:
        tuple[Tensor, Tensor]: As told, and edges of ``fused (1 - m)``.
    """
    check_choice(DETAILS, real=real)
    seen = (vis *
            (1 - mask) if real == 'background' else gradient_magnitude(vis) *
            mask)
    return gradient_magnitude(seen), gradient_magnitude(fused * (1 - mask))


def divergence_loss(discriminator: Callable[[Tensor], Tensor], real: Tensor,
                    fake: Tensor, weight: float = 2.,
                    power: float = 6.) -> Tensor:
    """``E D(fake) - E D(real) + k E ||grad D||^p`` of random mixtures.

    WGAN-div (Wu et al., ECCV 2018): the divergence between both without
    limits on the weights.

    Args:
        discriminator (callable): D, (B, C, H, W) to (B, ).
        real (Tensor): (B, C, H, W), without gradient.
        fake (Tensor): (B, C, H, W), without gradient.
        weight (float): k.
        power (float): p.

    Returns:
        Tensor: Scalar.
    """
    share = torch.rand_like(real[:, :1, :1, :1])
    mixed = (share * real + (1 - share) * fake).requires_grad_()
    slope, = torch.autograd.grad(
        discriminator(mixed).sum(), mixed, create_graph=True)
    penalty = slope.square().sum((1, 2, 3))**(power / 2)
    return (discriminator(fake) - discriminator(real) +
            weight * penalty).mean()
