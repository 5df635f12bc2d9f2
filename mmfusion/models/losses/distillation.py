"""Losses of two tensors, a student's and its teacher's."""
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmfusion.models.layers import laplacian, shared_features, sobel
from mmfusion.registry import MODELS
from mmfusion.utils.errors import check_choice

from .ssim import ssim_loss


def cosine_distillation_loss(student: Tensor, teacher: Tensor,
                             eps: float = 1e-12) -> Tensor:
    """``1 - cos`` of the angle between both, summed over channels.

    Channels are added up first; the cosine is that of the whole batch as
    one vector. Half the squared distance of the normalized vectors: the
    digestible distillation of MMDRFuse (ACM MM 2024), which averages two
    pairs and weights them by 5: ``loss_weight=5`` for each of both.

    Args:
        student (Tensor): (B, C, H, W).
        teacher (Tensor): (B, C', H, W).
        eps (float): Smallest norm that is divided by.

    Returns:
        Tensor: Scalar in [0, 2].
    """
    one, two = (x.sum(1).flatten() for x in (student, teacher))
    return 1 - F.cosine_similarity(one, two, dim=0, eps=eps)


class PairLoss(nn.Module):
    """Base of the losses that :class:`FuserDistiller` calls.

    Args:
        loss_weight (float): Factor of the loss.
    """
    #: whether both tensors need the same number of channels
    same_channels = True

    def __init__(self, loss_weight: float = 1.0) -> None:
        super().__init__()
        self.loss_weight = loss_weight

    def forward(self, student: Tensor, teacher: Tensor) -> Tensor:
        """Scalar loss of (B, C, H, W) and (B, C', H, W)."""
        return self.loss_weight * self.measure(student, teacher)

    def measure(self, student: Tensor, teacher: Tensor) -> Tensor:
        """Unweighted loss."""
        raise NotImplementedError


@MODELS.register_module()
class CosineDistillationLoss(PairLoss):
    """:func:`cosine_distillation_loss`; any numbers of channels.

    Args:
        loss_weight (float): Factor of the loss.
    """
    same_channels = False

    def measure(self, student: Tensor, teacher: Tensor) -> Tensor:
        return cosine_distillation_loss(student, teacher)


def _ssim(student: Tensor, teacher: Tensor) -> Tensor:
    flat = [x.flatten(0, 1)[:, None] for x in (student, teacher)]
    return ssim_loss(flat[0], flat[1], flat[1])


def _laplacian(student: Tensor, teacher: Tensor) -> Tensor:
    return F.mse_loss(laplacian(student), laplacian(teacher))


def _sobel(student: Tensor, teacher: Tensor) -> Tensor:
    return sum(
        F.l1_loss(ours, theirs)
        for ours, theirs in zip(sobel(student), sobel(teacher), strict=True))


def _sobel_magnitude(student: Tensor, teacher: Tensor) -> Tensor:
    return F.l1_loss(*(sum(part.abs() for part in sobel(x))
                       for x in (student, teacher)))


def _normalized(student: Tensor, teacher: Tensor) -> Tensor:
    return F.mse_loss(*(F.normalize(x, dim=1) for x in (student, teacher)))


def _cosine(student: Tensor, teacher: Tensor) -> Tensor:
    return 1 - F.cosine_similarity(student.flatten(1),
                                   teacher.flatten(1)).mean()


_DISTANCES = dict(cosine=_cosine, l1=F.l1_loss, mse=F.mse_loss,
                  smooth_l1=F.smooth_l1_loss, ssim=_ssim, laplacian=_laplacian,
                  sobel=_sobel, sobel_magnitude=_sobel_magnitude,
                  normalized=_normalized)


@MODELS.register_module()
class DistanceLoss(PairLoss):
    """Distance of two tensors of one shape, in float32 at least.

    Also under autocast, whose convolutions would lose the differences of
    nearly equal images.

    Args:
        distance (str): ``'l1'``, ``'mse'``, ``'smooth_l1'``, ``'ssim'``
            (one less SSIM, of images in [0, 1], each channel by itself),
            ``'laplacian'`` (squared, of Laplacians), ``'sobel'`` (L1 of
            both derivatives with their sign, added up),
            ``'sobel_magnitude'`` (L1 of the sum of their magnitudes),
            ``'normalized'`` (squared, of features scaled to length one at
            each pixel) or ``'cosine'`` (one less the cosine of each image's
            features as one vector).
        loss_weight (float): Factor of the loss.

    Raises:
        ValueError: If the distance is unknown.
    """

    def __init__(self, distance: str, loss_weight: float = 1.0) -> None:
        super().__init__(loss_weight)
        check_choice(_DISTANCES, distance=distance)
        self.distance = distance

    def measure(self, student: Tensor, teacher: Tensor) -> Tensor:
        with torch.autocast(student.device.type, enabled=False):
            return _DISTANCES[self.distance](
                *(x.to(torch.promote_types(x.dtype, torch.float32))
                  for x in (student, teacher)))


@MODELS.register_module()
class PerceptualDistance(PairLoss):
    """Squared distance of VGG features, summed over layers.

    ``sum_k mean (V_k(S) - V_k(T))^2`` (Johnson et al., ECCV 2016, without
    its style term). In float32, also under autocast.

    Args:
        features (dict): Config of the feature network, e.g.
            ``dict(type='VGGFeatures', depth=16, taps=..., normalize=True,
            init_cfg=...)``. Losses with equal configs share one network,
            which is in no checkpoint.
        taps (sequence[str]): Layers compared. Defaults to those of
            perceptual losses, relu2_2, relu3_3 and relu4_3 of VGG-16.
        loss_weight (float): Factor of the loss.
    """

    def __init__(self, features: dict,
                 taps: Sequence[str] = ('relu2_2', 'relu3_3', 'relu4_3'),
                 loss_weight: float = 1.0) -> None:
        super().__init__(loss_weight)
        self._features = (shared_features(features), )
        self.taps = tuple(taps)

    def measure(self, student: Tensor, teacher: Tensor) -> Tensor:
        features, = self._features
        with torch.autocast(student.device.type, enabled=False):
            with torch.no_grad():
                theirs = features.kept(teacher.float())
            ours = features.kept(student.float())
            return sum(F.mse_loss(ours[tap], theirs[tap]) for tap in self.taps)
