"""Base of the losses that compare luminances."""
from typing import Dict, List, Optional

from torch import Tensor, nn

from mmfusion.structures import FuserOutput, FusionDataSample

from .targets import fused_luma


class LumaLoss(nn.Module):
    """Shell around a function of three luminances.

    Args:
        loss_weight (float): Factor of the loss.
    """

    def __init__(self, loss_weight: float = 1.0) -> None:
        super().__init__()
        self.loss_weight = loss_weight

    def forward(
            self,
            output: FuserOutput,
            inputs: Dict[str, Tensor],
            data_samples: Optional[List[FusionDataSample]] = None) -> Tensor:
        """Scalar loss; see :mod:`mmfusion.models.losses`."""
        return self.loss_weight * self.measure(
            fused_luma(output), inputs['vis_luma'], inputs['ir'])

    def measure(self, fused: Tensor, vis: Tensor, ir: Tensor) -> Tensor:
        """Unweighted loss of luminances (B, 1, H, W)."""
        raise NotImplementedError
