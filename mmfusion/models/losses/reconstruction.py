"""Reconstruction loss of intensities and second derivatives."""

import torch.nn.functional as F
from torch import Tensor

from mmfusion.models.layers import second_sobel
from mmfusion.registry import MODELS
from mmfusion.structures import FuserOutput, FusionDataSample
from mmfusion.utils.errors import check_choice

from .base import FusionLoss
from .targets import aux_map


def reconstruction_loss(reconstructed: Tensor, source: Tensor,
                        intensity_weight: float = 5.0,
                        detail_weight: float = 5.0) -> Tensor:
    """L1 distance of two images and of their second derivatives.

    The derivative is the sum of the absolute values of the three responses
    of :func:`~mmfusion.models.layers.second_sobel` (PSFusion, Information
    Fusion 99, 101870).

    Args:
        reconstructed (Tensor): (B, 1, H, W).
        source (Tensor): (B, 1, H, W).
        intensity_weight (float): Factor of the images' distance.
        detail_weight (float): Factor of the derivatives' distance.

    Returns:
        Tensor: Scalar.
    """
    details = [
        second_sobel(image).abs().sum(dim=2)
        for image in (reconstructed, source)
    ]
    return (intensity_weight * F.l1_loss(reconstructed, source) +
            detail_weight * F.l1_loss(*details))


@MODELS.register_module()
class ReconstructionLoss(FusionLoss):
    """:func:`reconstruction_loss` of an auxiliary output and its source.

    Args:
        source (str): ``'vis'`` compares ``aux['vis_rec']`` with the visible
            luminance, ``'ir'`` ``aux['ir_rec']`` with the infrared image.
        intensity_weight (float): See the function.
        detail_weight (float): See the function.
        loss_weight (float): Factor of the loss.
    """

    def __init__(self, source: str, intensity_weight: float = 5.0,
                 detail_weight: float = 5.0, loss_weight: float = 1.0) -> None:
        super().__init__(loss_weight)
        check_choice(('vis', 'ir'), source=source)
        self.source = source
        self.intensity_weight = intensity_weight
        self.detail_weight = detail_weight

    def value(self, output: FuserOutput, inputs: dict[str, Tensor],
              data_samples: list[FusionDataSample] | None) -> Tensor:
        reconstructed = aux_map(output, f'{self.source}_rec',
                                type(self).__name__)
        source = inputs['vis_luma' if self.source == 'vis' else 'ir']
        return reconstruction_loss(reconstructed, source,
                                   self.intensity_weight, self.detail_weight)
