"""Correlation loss: the fused image follows both sources."""
import torch
from torch import Tensor

from mmfusion.registry import MODELS
from mmfusion.utils.errors import check_choice

from .base import LumaLoss

_FORMS = ('reciprocal', 'complement')


def correlation(first: Tensor, second: Tensor,
                per_image: bool = False) -> Tensor:
    """Pearson's correlation coefficient.

    Computed in float32 at least. Of a constant image it is 0, where the
    quotient is undefined.

    Args:
        first (Tensor): (B, C, H, W).
        second (Tensor): (B, C, H, W).
        per_image (bool): One coefficient an image, rather than one over all
            elements of the batch. Defaults to False.

    Returns:
        Tensor: (B, ) in [-1, 1], or (1, ) over the batch.
    """
    count = first.shape[0] if per_image else 1
    dtype = torch.promote_types(first.dtype, torch.float32)
    a, b = (x.to(dtype).reshape(count, -1) for x in (first, second))
    a = a - a.mean(1, keepdim=True)
    b = b - b.mean(1, keepdim=True)
    power = (a * a).sum(1) * (b * b).sum(1)
    # keeps the gradient of a constant image within reason
    return (a * b).sum(1) / power.clamp_min(1e-12).sqrt()


def correlation_loss(fused: Tensor, first: Tensor, second: Tensor,
                     form: str = 'reciprocal', per_image: bool = False,
                     eps: float = 1e-6) -> Tensor:
    """Loss that falls as the correlation with both sources grows.

    - ``'reciprocal'``: ``1 / (r(A, F) + r(B, F) + eps)`` (BFFR, arXiv
      2211.12286, with ``eps=0``; PSFusion, Information Fusion 99, 101870,
      with ``1e-6``). It changes sign where the correlations cancel, so the
      fuser needs a warm start.
    - ``'complement'``: ``1 - (r(A, F) + r(B, F)) / 2``, in [0, 2] always.

    Args:
        fused (Tensor): (B, 1, H, W).
        first (Tensor): (B, 1, H, W).
        second (Tensor): (B, 1, H, W).
        form (str): See above.
        per_image (bool): See :func:`correlation`.
        eps (float): See above.

    Returns:
        Tensor: Scalar, the mean over images where ``per_image``.

    Raises:
        ValueError: On an unknown form.
    """
    check_choice(_FORMS, form=form)
    total = (correlation(first, fused, per_image) +
             correlation(second, fused, per_image))
    if form == 'complement':
        return (1 - total / 2).mean()
    return (1 / (total + eps)).mean()


@MODELS.register_module()
class CorrelationLoss(LumaLoss):
    """:func:`correlation_loss` of the luminances.

    Args:
        form (str): ``'reciprocal'`` or ``'complement'``.
        per_image (bool): See :func:`correlation`.
        eps (float): See :func:`correlation_loss`.
        loss_weight (float): Factor of the loss.
    """

    def __init__(self, form: str = 'reciprocal', per_image: bool = False,
                 eps: float = 1e-6, loss_weight: float = 1.0) -> None:
        super().__init__(loss_weight)
        check_choice(_FORMS, form=form)
        self.form = form
        self.per_image = per_image
        self.eps = eps

    def measure(self, fused: Tensor, vis: Tensor, ir: Tensor) -> Tensor:
        return correlation_loss(fused, vis, ir, self.form, self.per_image,
                                self.eps)
