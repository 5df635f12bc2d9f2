"""MEF-SSIM as a loss: without a reference, of any number of exposures."""
from torch import Tensor

from mmfusion.functional.mef_ssim import mef_ssim
from mmfusion.registry import MODELS
from mmfusion.structures import FuserOutput, FusionDataSample

from .base import FusionLoss
from .ssim import as_images
from .targets import fused_luma, source_lumas


@MODELS.register_module()
class MEFSSIMLoss(FusionLoss):
    """One less the metric MEF_SSIM of the luminances, as DeepFuse learns.

    Args:
        loss_weight (float): Factor of the loss.
    """
    any_sources = True

    def value(self, output: FuserOutput, inputs: dict[str, Tensor],
              data_samples: list[FusionDataSample] | None) -> Tensor:
        images = fused_luma(output), *source_lumas(inputs).values()
        fused, *sources = as_images(*(x.double() for x in images), scale=255)
        return 1 - mef_ssim(fused, sources).mean().to(images[0])
