"""Loss of fusers that learn to reconstruct their sources."""
import torch.nn.functional as F
from torch import Tensor, nn

from mmfusion.functional.ssim import SSIMForm, contrast_structure, ssim_map
from mmfusion.registry import MODELS
from mmfusion.structures import FuserOutput, FusionDataSample
from mmfusion.utils.errors import check_choice

from .ssim import as_images
from .targets import aux_map, source_lumas

_PARTS = dict(ssim=ssim_map, structure=contrast_structure)


@MODELS.register_module()
class AutoencoderLoss(nn.Module):
    """Distance of each source and its reconstruction; of any sources.

    The mean over sources of ``pixel_weight MSE + ssim_weight (1 - S)``, S
    the mean SSIM or, as in DenseFuse's code, its product of contrast and
    structure alone. The fuser is a :class:`RuleFuser` with
    ``autoencoder=True``.

    Args:
        pixel_weight (float): Factor of the mean squared difference.
        ssim_weight (float): Factor of the other term; 0 leaves it out.
        part (str): ``'ssim'`` or ``'structure'``.
        window_size (int): Side of the window, pixels, odd.
        sigma (float, optional): Of the Gaussian window, pixels; None for
            equal weights.
        data_range (float): L of the constants, for levels of 0 to ``scale``.
        scale (float): Levels of white; both terms are of such images.
        loss_weight (float): Factor of both terms.
    """
    any_sources = True

    def __init__(self, pixel_weight: float = 1.0, ssim_weight: float = 1.0,
                 part: str = 'ssim', window_size: int = 11,
                 sigma: float | None = 1.5, data_range: float = 1.0,
                 scale: float = 1.0, loss_weight: float = 1.0) -> None:
        super().__init__()
        check_choice(_PARTS, part=part)
        self.part = part
        self.form = SSIMForm(window_size, sigma, data_range=data_range)
        self.weights = dict(pixel=pixel_weight * loss_weight,
                            ssim=ssim_weight * loss_weight)
        self.scale = scale

    def forward(
        self, output: FuserOutput, inputs: dict[str, Tensor],
        data_samples: list[FusionDataSample] | None = None
    ) -> dict[str, Tensor]:
        """Both terms by name; their sum is the loss."""
        terms: dict[str, list[Tensor]] = dict(pixel=[], ssim=[])
        for name, source in source_lumas(inputs).items():
            pair = aux_map(
                output, f'{name}_rec',
                type(self).__name__, 'Set autoencoder=True of a '
                'RuleFuser, such as DenseFuse'), source
            terms['pixel'].append(self.scale**2 * F.mse_loss(*pair))
            terms['ssim'].append(1 - self.similarity(*pair))
        return {
            name: self.weights[name] * sum(values) / len(values)
            for name, values in terms.items() if self.weights[name]
        }

    def similarity(self, one: Tensor, two: Tensor) -> Tensor:
        """S of two images (B, 1, H, W), a scalar."""
        # the constants are below the rounding of variances in float32
        image, other = as_images(one.double(), two.double(), scale=self.scale)
        return _PARTS[self.part](image, other, self.form).mean().to(one)
