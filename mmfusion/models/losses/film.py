"""All terms of FILM's training loss."""
from typing import Dict, List, Optional

from torch import Tensor, nn

from mmfusion.registry import MODELS
from mmfusion.structures import FuserOutput, FusionDataSample

from .average import AverageLoss
from .gradient import GradientLoss
from .lp_ssim import LpSSIMLoss
from .max_intensity import MaxIntensityLoss

_TARGETS = dict(max=MaxIntensityLoss, mean=AverageLoss)


@MODELS.register_module()
class FILMLoss(nn.Module):
    """``L_int + 20 L_grad + lambda (L_vis + L_ir)``, lambda = 0.

    Source: FILM (ICML 2024) and its code. Each term is a loss of its own; a
    term of weight zero is not computed.

    Args:
        target (str): The intensity to come near to: ``'max'`` of both
            sources (infrared and visible, medical, multi-focus) or their
            ``'mean'`` (multi-exposure).
        intensity_weight (float): Of :class:`MaxIntensityLoss` or
            :class:`AverageLoss`.
        gradient_weight (float): Of the joint :class:`GradientLoss`.
        lp_ssim_weight (float): Of :class:`LpSSIMLoss` with each source.
        loss_weight (float): Factor of every term.

    Raises:
        ValueError: If the target is unknown or all weights are zero.
    """

    def __init__(self,
                 target: str = 'max',
                 intensity_weight: float = 1.0,
                 gradient_weight: float = 20.0,
                 lp_ssim_weight: float = 0.0,
                 loss_weight: float = 1.0) -> None:
        super().__init__()
        if target not in _TARGETS:
            raise ValueError(f"Expected target 'max' or 'mean', got "
                             f'{target!r}.')
        terms = dict(
            intensity=(_TARGETS[target], intensity_weight, {}),
            gradient=(GradientLoss, gradient_weight, dict(joint=True)),
            lp_ssim_vis=(LpSSIMLoss, lp_ssim_weight, dict(source='vis')),
            lp_ssim_ir=(LpSSIMLoss, lp_ssim_weight, dict(source='ir')))
        self.terms = nn.ModuleDict({
            name: loss(loss_weight=loss_weight * weight, **options)
            for name, (loss, weight, options) in terms.items() if weight
        })
        if not self.terms:
            raise ValueError('Expected at least one weight other than zero, '
                             'got none.')

    def forward(
        self,
        output: FuserOutput,
        inputs: Dict[str, Tensor],
        data_samples: Optional[List[FusionDataSample]] = None
    ) -> Dict[str, Tensor]:
        """Every weighted term by name; their sum is the loss."""
        return {
            name: loss(output, inputs, data_samples)
            for name, loss in self.terms.items()
        }
