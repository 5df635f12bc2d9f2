"""Distance and structure: an Lp norm and one less the SSIM."""
from math import isqrt

import torch
from torch import Tensor

from mmfusion.functional.ssim import SSIMForm, mean_ssim
from mmfusion.registry import MODELS
from mmfusion.utils.errors import check_choice, check_least

from .base import LumaLoss
from .ssim import as_images

#: windows reach over the border, where there are zeros
_FORM = SSIMForm(size=5, sigma=1.5, border='zero', data_range=1.)


def lp_ssim_loss(fused: Tensor, source: Tensor, p: float = 2,
                 ssim_weight: float | None = None) -> Tensor:
    """``||I - F||_p + w (1 - SSIM(I, F))``.

    The norm runs over the whole batch and is no mean: it grows with the
    square root of the number of values (p = 2), as the weight of the SSIM
    does by default. The SSIM has 5x5 Gaussian windows, sigma 1.5, and zero
    padding. Source: FILM (ICML 2024), its code.

    Args:
        fused (Tensor): F, (B, 1, H, W) in [0, 1].
        source (Tensor): I, (B, 1, H, W) in [0, 1].
        p (float): Order of the norm, at least 1.
        ssim_weight (float, optional): w. None for the whole part of
            ``sqrt(H W)``.

    Returns:
        Tensor: Scalar. Its gradient is finite where both images agree.
    """
    if ssim_weight is None:
        ssim_weight = isqrt(fused.shape[-2] * fused.shape[-1])
    similarity = mean_ssim(*as_images(fused, source), _FORM).mean()
    distance = torch.linalg.vector_norm(source - fused, ord=p)
    return distance + ssim_weight * (1 - similarity)


@MODELS.register_module()
class LpSSIMLoss(LumaLoss):
    """:func:`lp_ssim_loss` of the fused luminance and one source.

    Args:
        source (str): ``'vis'`` or ``'ir'``.
        p (float): See the function.
        ssim_weight (float, optional): See the function.
        loss_weight (float): Factor of the loss.
    """

    def __init__(self, source: str, p: float = 2,
                 ssim_weight: float | None = None,
                 loss_weight: float = 1.0) -> None:
        super().__init__(loss_weight)
        check_choice(('vis', 'ir'), source=source)
        check_least(1, p=p)
        self.source = source
        self.p = p
        self.ssim_weight = ssim_weight

    def measure(self, fused: Tensor, vis: Tensor, ir: Tensor) -> Tensor:
        source = vis if self.source == 'vis' else ir
        return lp_ssim_loss(fused, source, self.p, self.ssim_weight)
