"""Bases of losses: with a factor, of luminances, weighted sums."""

from torch import Tensor, nn

from mmfusion.structures import FuserOutput, FusionDataSample

from .targets import fused_luma


class FusionLoss(nn.Module):
    """A loss with a factor.

    Args:
        loss_weight (float): Factor of the loss.
    """

    def __init__(self, loss_weight: float = 1.0) -> None:
        super().__init__()
        self.loss_weight = loss_weight

    def forward(self, output: FuserOutput, inputs: dict[str, Tensor],
                data_samples: list[FusionDataSample] | None = None) -> Tensor:
        """Scalar loss; see :mod:`mmfusion.models.losses`."""
        return self.loss_weight * self.value(output, inputs, data_samples)

    def value(self, output: FuserOutput, inputs: dict[str, Tensor],
              data_samples: list[FusionDataSample] | None) -> Tensor:
        """Unweighted loss."""
        raise NotImplementedError


class LumaLoss(FusionLoss):
    """A function of three luminances as a loss.

    Args:
        loss_weight (float): Factor of the loss.
    """

    def value(self, output: FuserOutput, inputs: dict[str, Tensor],
              data_samples: list[FusionDataSample] | None) -> Tensor:
        return self.measure(fused_luma(output), inputs['vis_luma'],
                            inputs['ir'])

    def measure(self, fused: Tensor, vis: Tensor, ir: Tensor) -> Tensor:
        """Unweighted loss of luminances (B, 1, H, W)."""
        raise NotImplementedError


class WeightedTerms(nn.Module):
    """Several losses, each with a weight.

    Args:
        terms (dict[str, tuple]): Each loss's class, its weight (zero leaves
            it out) and its other arguments, by the name of the term.
        loss_weight (float): Factor of every term.
    """

    def __init__(self, terms: dict[str, tuple[type[nn.Module], float, dict]],
                 loss_weight: float) -> None:
        super().__init__()
        self.terms = nn.ModuleDict({
            name:
            loss(loss_weight=loss_weight * weight, **options)
            for name, (loss, weight, options) in terms.items() if weight
        })

    def forward(
        self, output: FuserOutput, inputs: dict[str, Tensor],
        data_samples: list[FusionDataSample] | None = None
    ) -> dict[str, Tensor]:
        """Every weighted term by name; their sum is the loss."""
        return {
            name: loss(output, inputs, data_samples)
            for name, loss in self.terms.items()
        }
