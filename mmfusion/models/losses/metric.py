"""A weighted sum of metrics as a loss."""
from torch import Tensor, nn

from mmfusion.registry import MODELS
from mmfusion.structures import FuserOutput, FusionDataSample
from mmfusion.utils.errors import check_choice

from .metric_terms import TERMS, Triple
from .targets import fused_luma


@MODELS.register_module()
class MetricLoss(nn.Module):
    """What the fused image shall score well in, each with a weight.

    Works without labels and without a target. Each metric pulls its own
    way: contrast and sharpness want more than the sources have, distances
    to the sources less, so that a mixture of both is what trains.

    Args:
        weights (dict[str, float]): Factors of the terms, by the names of
            :data:`~mmfusion.models.losses.metric_terms.TERMS`: the columns
            of the preset ``'default'`` (``MSE`` stands for ``PSNR``, too)
            and ``range``, the distance to [0, 1].
        loss_weight (float): Factor of all terms.

    Raises:
        ValueError: On an unknown name, or without any.

    Examples:
        >>> import torch
        >>> loss = MetricLoss(dict(SCD=1.0, MSE=0.5))
        >>> vis, ir = torch.rand(2, 1, 1, 32, 32)
        >>> output = FuserOutput(vis.expand(-1, 3, -1, -1), (vis + ir) / 2)
        >>> sorted(loss(output, dict(vis_luma=vis, ir=ir)))
        ['MSE', 'SCD']
    """

    def __init__(self, weights: dict[str, float],
                 loss_weight: float = 1.0) -> None:
        super().__init__()
        if not weights:
            raise ValueError('Expected weights of one metric or more, got '
                             f'none. Known: {", ".join(TERMS)}.')
        for name in weights:
            check_choice(TERMS, metric=name)
        self.weights = dict(weights)
        self.loss_weight = loss_weight

    def forward(
        self, output: FuserOutput, inputs: dict[str, Tensor],
        data_samples: list[FusionDataSample] | None = None
    ) -> dict[str, Tensor]:
        """Every weighted term by name; negative where more is better."""
        triple = Triple(fused_luma(output), inputs['vis_luma'], inputs['ir'])
        return {
            name: self.loss_weight * weight * TERMS[name](triple)
            for name, weight in self.weights.items()
        }
