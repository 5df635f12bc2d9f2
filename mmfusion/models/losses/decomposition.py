"""DIDFuse's loss: base maps alike, detail maps unlike."""
import torch.nn.functional as F
from torch import Tensor, nn

from mmfusion.models.layers import sobel
from mmfusion.registry import MODELS
from mmfusion.structures import FuserOutput, FusionDataSample

from .targets import aux_map


@MODELS.register_module()
class DecompositionLoss(nn.Module):
    """Base maps alike, detail maps unlike, the visible image's edges kept.

    ``tanh |B_i - B_v| - 0.5 tanh |D_i - D_v| + 10 |G v' - G v|`` with means
    of absolute values and Sobel gradients G, divided by 8, of the
    reconstruction v' (DIDFuse, IJCAI 2020, beside
    ``AutoencoderLoss(pixel_weight=4, ssim_weight=10)``). Reads
    ``aux['vis_rec']`` and the maps ``vis_base``, ``ir_base``, ``vis_detail``
    and ``ir_detail`` of :class:`DIDFuse`.

    Args:
        base_weight (float): Of the first term.
        detail_weight (float): Of the second.
        gradient_weight (float): Of the third.
        loss_weight (float): Factor of the loss.
    """

    def __init__(self, base_weight: float = 1., detail_weight: float = 0.5,
                 gradient_weight: float = 10.,
                 loss_weight: float = 1.0) -> None:
        super().__init__()
        self.loss_weight = loss_weight
        self.base_weight = base_weight
        self.detail_weight = detail_weight
        self.gradient_weight = gradient_weight

    def forward(
        self, output: FuserOutput, inputs: dict[str, Tensor],
        data_samples: list[FusionDataSample] | None = None
    ) -> dict[str, Tensor]:
        """Weighted ``base``, ``detail`` and ``gradient``; ``detail`` is
        negative."""

        def read(name: str) -> Tensor:
            return aux_map(output, name, type(self).__name__, 'Use DIDFuse')

        base, detail = (F.l1_loss(read(f'ir_{part}'),
                                  read(f'vis_{part}')).tanh()
                        for part in ('base', 'detail'))
        edges = zip(sobel(read('vis_rec'), 'replicate'),
                    sobel(inputs['vis_luma'], 'replicate'), strict=True)
        gradient = sum(F.l1_loss(*pair) for pair in edges) / 16
        weighted = dict(base=self.base_weight * base,
                        detail=-self.detail_weight * detail,
                        gradient=self.gradient_weight * gradient)
        return {
            name: self.loss_weight * term for name, term in weighted.items()
        }
