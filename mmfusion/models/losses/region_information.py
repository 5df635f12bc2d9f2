"""Mutual information of small regions of two images, as a loss."""
import torch
import torch.nn.functional as F
from torch import Tensor

from mmfusion.registry import MODELS
from mmfusion.utils.errors import check_least

from .base import LumaLoss

_EPSILON = 5e-4  # on the diagonals, as in the paper's code


def region_information_loss(fused: Tensor, source: Tensor, side: int = 3,
                            stride: int = 3) -> Tensor:
    """Half the log-determinant of what F leaves open of a source's regions.

    Regions of ``side`` x ``side`` pixels are points of that many dimensions.
    With their covariances S (sums, not means),
    ``1/2 log det(S_AA - S_AF S_FF^-1 S_FA) / side^2`` is, up to a constant,
    a bound of the negative mutual information (Zhao et al., "Region Mutual
    Information Loss for Semantic Segmentation", NeurIPS 2019). Computed in
    float64.

    Args:
        fused (Tensor): F, (B, 1, H, W).
        source (Tensor): A, (B, 1, H, W).
        side (int): Of the regions, pixels.
        stride (int): Images are averaged over as many pixels first.

    Returns:
        Tensor: Scalar, the mean over images; smaller is better.

    Raises:
        ValueError: If an image is smaller than a region.
    """
    if min(fused.shape[-2:]) < side * stride:
        raise ValueError(
            f'Expected images of {side * stride} pixels or more a side, got '
            f'{tuple(fused.shape[-2:])}. Set a smaller side or stride.')
    with torch.autocast(fused.device.type, enabled=False):
        regions = [
            F.unfold(F.avg_pool2d(image.double(), stride), side)
            for image in (fused, source)
        ]
        f, a = (points - points.mean(2, keepdim=True) for points in regions)
        small = _EPSILON * torch.eye(side**2, dtype=f.dtype, device=f.device)
        cross = f @ a.mT
        open_ = a @ a.mT - cross.mT @ torch.linalg.solve(
            f @ f.mT + small, cross)
        factor = torch.linalg.cholesky((open_ + open_.mT) / 2 + small)
        logs = factor.diagonal(dim1=1, dim2=2).log().sum(1)
        return logs.mean().to(fused.dtype) / side**2


@MODELS.register_module()
class RegionInformationLoss(LumaLoss):
    """:func:`region_information_loss` of both sources, weighted.

    Args:
        vis_weight (float): Weight of the visible image.
        ir_weight (float): Weight of the infrared image.
        side (int): See the function.
        stride (int): See the function.
        loss_weight (float): Factor of the loss.

    Raises:
        ValueError: If side or stride are below 1.
    """

    def __init__(self, vis_weight: float = 1., ir_weight: float = 1.,
                 side: int = 3, stride: int = 3,
                 loss_weight: float = 1.0) -> None:
        super().__init__(loss_weight)
        check_least(1, side=side, stride=stride)
        self.weights = vis_weight, ir_weight
        self.side = side
        self.stride = stride

    def measure(self, fused: Tensor, vis: Tensor, ir: Tensor) -> Tensor:
        return sum(
            weight *
            region_information_loss(fused, source, self.side, self.stride)
            for weight, source in zip(self.weights, (vis, ir), strict=True))
