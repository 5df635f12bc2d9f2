"""Intensity loss with a contrast and a salient-object mask."""

import torch
import torch.nn.functional as F
from torch import Tensor

from mmfusion.models.layers import filter2d
from mmfusion.registry import MODELS
from mmfusion.structures import BOX_SHAPES, FuserOutput, FusionDataSample
from mmfusion.utils.errors import check_choice

from .base import FusionLoss
from .targets import IGNORE, fused_luma, stack_box_masks, stack_targets

_WINDOW = 9
_SIGMA = 1.5


def local_variance(image: Tensor) -> Tensor:
    """Variance in a 9x9 Gaussian window, sigma 1.5, zero padding.

    ``G * x^2 - (G * x)^2``. The zeros of the padding count as pixels.

    Args:
        image (Tensor): (B, 1, H, W).

    Returns:
        Tensor: (B, 1, H, W).
    """
    offsets = torch.arange(_WINDOW, dtype=image.dtype,
                           device=image.device) - _WINDOW // 2
    line = torch.exp(-offsets.square() / (2 * _SIGMA**2))
    line = line / line.sum()
    kernel = torch.outer(line, line)[None, None]
    # one call for both moments
    mean, square = filter2d(torch.cat((image, image.square()), dim=1), kernel,
                            'zeros').squeeze(2).split(image.shape[1], dim=1)
    return square - mean.square()


def contrast_intensity_loss(fused: Tensor, salient: Tensor, other: Tensor,
                            mask: Tensor | None = None) -> Tensor:
    """Squared distance to one source a pixel, averaged in 9x9 boxes.

    ``mean(S E(A, F) + (1 - S) E(B, F))`` where S is one where source A has
    the larger :func:`local_variance` or where the mask is set, and E is a
    box mean of the squared difference, always divided by 81 (PSFusion,
    Information Fusion 99, 101870).

    Args:
        fused (Tensor): F, (B, 1, H, W).
        salient (Tensor): A, which the mask selects, (B, 1, H, W).
        other (Tensor): B, (B, 1, H, W).
        mask (Tensor, optional): Salient objects, (B, 1, H, W) of bool.

    Returns:
        Tensor: Scalar. No gradient flows through S.
    """
    with torch.no_grad():
        select = local_variance(salient) > local_variance(other)
        if mask is not None:
            select = select | mask
    distances = F.avg_pool2d(
        torch.cat((fused - salient, fused - other), dim=1).square(), _WINDOW,
        stride=1, padding=_WINDOW // 2)
    return torch.where(select, distances[:, :1], distances[:, 1:]).mean()


@MODELS.register_module()
class IntensityLoss(FusionLoss):
    """:func:`contrast_intensity_loss` of the luminances and a target mask.

    Images without a ``gt_mask`` are judged by contrast alone.

    Args:
        salient_source (str): The source that the mask selects: ``'ir'``, as
            the paper's abstract reads, or ``'vis'``, as the authors'
            released training loop computes it.
        target_mask (str): Where salient objects are: ``'gt_mask'``, the
            samples' map, or ``'boxes'``, their ``gt_instances``, for
            detection sets. Defaults to ``'gt_mask'``.
        box_shape (str): Of the mask of a box, ``'rectangle'`` or
            ``'ellipse'``, see :func:`~mmfusion.structures.boxes_to_mask`.
        loss_weight (float): Factor of the loss.
    """

    def __init__(self, salient_source: str = 'ir',
                 target_mask: str = 'gt_mask', box_shape: str = 'ellipse',
                 loss_weight: float = 1.0) -> None:
        super().__init__(loss_weight)
        check_choice(('gt_mask', 'boxes'), target_mask=target_mask)
        check_choice(BOX_SHAPES, box_shape=box_shape)
        check_choice(('ir', 'vis'), salient_source=salient_source)
        self.salient_source = salient_source
        self.target_mask = target_mask
        self.box_shape = box_shape

    def value(self, output: FuserOutput, inputs: dict[str, Tensor],
              data_samples: list[FusionDataSample] | None) -> Tensor:
        fused = fused_luma(output)
        mask = self._mask(fused, data_samples).unsqueeze(1)
        sources = [inputs['ir'], inputs['vis_luma']]
        if self.salient_source == 'vis':
            sources.reverse()
        return contrast_intensity_loss(fused, *sources, mask)

    def _mask(self, fused: Tensor,
              data_samples: list[FusionDataSample] | None) -> Tensor:
        """Salient pixels, (B, H, W) of bool."""
        user = type(self).__name__
        if self.target_mask == 'boxes':
            return stack_box_masks(data_samples, fused, user, self.box_shape)
        target = stack_targets(data_samples, 'gt_mask', fused, user,
                               labels='optional')
        return (target > 0) & (target != IGNORE)
