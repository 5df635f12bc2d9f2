"""Losses of two tensors, a student's and its teacher's."""
import torch.nn.functional as F
from torch import Tensor, nn

from mmfusion.models.layers import laplacian
from mmfusion.registry import MODELS

from .ssim import ssim_loss


def cosine_distillation_loss(student: Tensor,
                             teacher: Tensor,
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


_DISTANCES = dict(
    l1=F.l1_loss, mse=F.mse_loss, smooth_l1=F.smooth_l1_loss, ssim=_ssim,
    laplacian=_laplacian)


@MODELS.register_module()
class DistanceLoss(PairLoss):
    """Distance of two tensors of one shape.

    Args:
        distance (str): ``'l1'``, ``'mse'``, ``'smooth_l1'``, ``'ssim'``
            (one less SSIM, of images in [0, 1]) or ``'laplacian'``
            (squared, of Laplacians).
        loss_weight (float): Factor of the loss.

    Raises:
        ValueError: If the distance is unknown.
    """

    def __init__(self, distance: str, loss_weight: float = 1.0) -> None:
        super().__init__(loss_weight)
        if distance not in _DISTANCES:
            raise ValueError(f'Expected a distance of {tuple(_DISTANCES)}, '
                             f'got {distance!r}.')
        self.distance = distance

    def measure(self, student: Tensor, teacher: Tensor) -> Tensor:
        return _DISTANCES[self.distance](student, teacher)
