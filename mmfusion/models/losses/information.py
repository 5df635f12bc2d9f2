"""U2Fusion's loss: a source counts by the information that it holds."""
from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

from mmfusion.functional.ssim import GAUSS11, SSIMForm, mean_ssim
from mmfusion.models.layers import laplacian, shared_features
from mmfusion.registry import MODELS

from .base import LumaLoss
from .ssim import as_images

#: without a feature network
_IMAGE_GAIN = 1000.


def information(features: Mapping[str, Tensor]) -> Tensor:
    """Mean square of the Laplacian of feature maps, mean over levels.

    Args:
        features (mapping[str, Tensor]): (B, C, H, W) by level.

    Returns:
        Tensor: (B, ).
    """
    return torch.stack([
        laplacian(level).square().mean((1, 2, 3))
        for level in features.values()
    ]).mean(0)


def information_preservation_loss(fused: Tensor, first: Tensor, second: Tensor,
                                  weights: Tensor, mse_weight: float = 20.,
                                  ssim_weight: float = 1.) -> Tensor:
    """Distance to both sources, weighted image by image.

    ``sum_k w_k (1 - SSIM(I_k, F) + 20 MSE(I_k, F))`` (U2Fusion, IEEE TPAMI
    44(1), 2022), SSIM as of :func:`ssim_loss`.

    Args:
        fused (Tensor): F, (B, 1, H, W).
        first (Tensor): I_1, (B, 1, H, W).
        second (Tensor): I_2, (B, 1, H, W).
        weights (Tensor): w, (2, B).
        mse_weight (float): Factor of the squared distance.
        ssim_weight (float): Factor of the other term.

    Returns:
        Tensor: Scalar, the mean over images.
    """
    form = SSIMForm(GAUSS11.size, GAUSS11.sigma, data_range=1.)
    image, *sources = as_images(fused, first, second)
    terms = [
        ssim_weight * (1 - mean_ssim(image, source, form)) + mse_weight *
        (fused - plain).square().mean((1, 2, 3))
        for source, plain in zip(sources, (first, second), strict=True)
    ]
    return (weights * torch.stack(terms)).sum(0).mean()


@MODELS.register_module()
class InformationPreservationLoss(LumaLoss):
    """:func:`information_preservation_loss`, weighted by information.

    The weights are the softmax of both sources' :func:`information`, divided
    by a temperature, in features of the images brought to a side of 224.

    Args:
        features (dict, optional): Config of the feature network, e.g.
            ``dict(type='VGGFeatures', depth=16, taps=..., normalize=True,
            init_cfg=...)``; all of its taps count. None does without: the
            images are the only level, their information times 1000, which
            is of that order.
        temperature (float): The smaller, the more the richer source counts.
            The authors have 3200 for infrared and visible pairs, 3500 for
            exposures and 100 for focus, for a VGG-16 that sees images of 0
            to 255: about 1, 1.05 and 0.03 for normalized ones.
        mse_weight (float): See the function.
        ssim_weight (float): See the function.
        loss_weight (float): Factor of the loss.
    """

    def __init__(self, features: dict | None = None, temperature: float = 1.,
                 mse_weight: float = 20., ssim_weight: float = 1.,
                 loss_weight: float = 1.0) -> None:
        super().__init__(loss_weight)
        if temperature <= 0:
            raise ValueError(
                f'Expected temperature above 0, got {temperature}.')
        self._features = (None
                          if features is None else shared_features(features), )
        self.temperature = temperature
        self.mse_weight = mse_weight
        self.ssim_weight = ssim_weight

    @torch.no_grad()
    def weights(self, *sources: Tensor) -> Tensor:
        """Of luminances (B, 1, H, W): (number of sources, B), of sum 1."""
        features, = self._features
        found = []
        for source in sources:
            image = F.interpolate(source.float(), (224, 224), mode='nearest')
            found.append(_IMAGE_GAIN *
                         information(dict(image=image)) if features is
                         None else information(features(image)))
        return F.softmax(torch.stack(found) / self.temperature, dim=0)

    def measure(self, fused: Tensor, vis: Tensor, ir: Tensor) -> Tensor:
        return information_preservation_loss(fused, vis, ir,
                                             self.weights(vis, ir),
                                             self.mse_weight, self.ssim_weight)
