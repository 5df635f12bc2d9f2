"""All terms of FILM's training loss."""
from mmfusion.registry import MODELS
from mmfusion.utils.errors import check_choice

from .base import WeightedTerms
from .gradient import GradientLoss
from .lp_ssim import LpSSIMLoss
from .mixtures import AverageLoss, MaxIntensityLoss

_TARGETS = dict(max=MaxIntensityLoss, mean=AverageLoss)


@MODELS.register_module()
class FILMLoss(WeightedTerms):
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

    def __init__(self, target: str = 'max', intensity_weight: float = 1.0,
                 gradient_weight: float = 20.0, lp_ssim_weight: float = 0.0,
                 loss_weight: float = 1.0) -> None:
        check_choice(_TARGETS, target=target)
        terms = dict(
            intensity=(_TARGETS[target], intensity_weight, {}),
            gradient=(GradientLoss, gradient_weight, dict(joint=True)),
            lp_ssim_vis=(LpSSIMLoss, lp_ssim_weight, dict(source='vis')),
            lp_ssim_ir=(LpSSIMLoss, lp_ssim_weight, dict(source='ir')))
        super().__init__(terms, loss_weight)
        if not self.terms:
            raise ValueError('Expected at least one weight other than zero, '
                             'got none.')
