"""Losses of PSFusion's semantic, binary and boundary heads, and OHEM for
mmseg's.

Source: PSFusion (Information Fusion 99, 101870) and its code; OHEM as in
Shrivastava et al., arXiv 1604.03540, with a threshold on the loss.
"""
import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmfusion.registry import MODELS
from mmfusion.structures import FuserOutput, FusionDataSample
from mmfusion.utils.constants import constant
from mmfusion.utils.errors import check_least

from .base import FusionLoss
from .targets import IGNORE, aux_map, check_labels_option, stack_targets


def ohem_cross_entropy(logits: Tensor, target: Tensor, threshold: float = 0.75,
                       min_kept: int = 65536) -> Tensor:
    """Cross entropy over the hard pixels of a whole batch.

    Hard is a pixel whose loss exceeds ``-ln(threshold)``. If there are more
    than ``min_kept`` of them, their mean is the loss, else the mean of the
    ``min_kept`` largest losses. Ignored pixels have loss zero and stay in
    that list. Batches of fewer pixels keep all of them.

    Args:
        logits (Tensor): (B, K, H, W).
        target (Tensor): Classes (B, H, W), 255 is ignored.
        threshold (float): Probability of the true class in (0, 1) below
            which a pixel is hard.
        min_kept (int): Least number of pixels to average.

    Returns:
        Tensor: Scalar.
    """
    losses = F.cross_entropy(logits, target, ignore_index=IGNORE,
                             reduction='none').flatten()
    hard = losses > -math.log(threshold)
    if losses.device.type != 'cpu':
        return _hard_mean(losses, hard, min_kept)
    values = losses[hard]
    if values.numel() <= min_kept:
        values = losses.topk(min(min_kept, losses.numel()), sorted=False)[0]
    return values.mean()


def _hard_mean(losses: Tensor, hard: Tensor, min_kept: int) -> Tensor:
    """Both means, since a GPU is not asked how many are hard."""
    count = hard.sum()
    largest = losses.topk(min(min_kept, losses.numel()), sorted=False)[0]
    return torch.where(count > min_kept,
                       (losses * hard).sum() / count.clamp(min=1),
                       largest.mean())


def two_channel_bce(logits: Tensor, target: Tensor,
                    pos_weight: Sequence[float] | None = None) -> Tensor:
    """Binary cross entropy of a 0 / 1 map as two one-hot channels.

    Args:
        logits (Tensor): (B, 2, H, W), channel 1 stands for value 1.
        target (Tensor): (B, H, W) of 0 and 1; 255 is ignored.
        pos_weight (Sequence[float], optional): Factor of the positive term
            of each channel.

    Returns:
        Tensor: Scalar, the mean over both channels of all pixels that are
        not ignored; zero if all are.
    """
    valid = (target != IGNORE).unsqueeze(1).expand_as(logits)
    one_hot = torch.stack((target == 0, target == 1), dim=1)
    if pos_weight is not None:
        pos_weight = constant(pos_weight, logits).view(1, 2, 1, 1)
    losses = F.binary_cross_entropy_with_logits(logits,
                                                one_hot.to(logits.dtype),
                                                pos_weight=pos_weight,
                                                reduction='none')
    return (losses * valid).sum() / valid.sum().clamp(min=1)


class _LabelLoss(FusionLoss):
    """A function of an aux output and a label map."""
    prediction: str
    target: str

    def __init__(self, labels: str, loss_weight: float) -> None:
        super().__init__(loss_weight)
        self.labels = check_labels_option(labels)

    def value(self, output: FuserOutput, inputs: dict[str, Tensor],
              data_samples: list[FusionDataSample] | None) -> Tensor:
        user = type(self).__name__
        logits = aux_map(output, self.prediction, user)
        target = stack_targets(data_samples, self.target, logits, user,
                               self.labels)
        return self.measure(logits, target)

    def measure(self, logits: Tensor, target: Tensor) -> Tensor:
        """Unweighted loss of (B, K, H, W) and (B, H, W)."""
        raise NotImplementedError


@MODELS.register_module()
class OHEMSemanticLoss(_LabelLoss):
    """:func:`ohem_cross_entropy` of ``aux['semantic']`` and ``gt_sem_seg``.

    Args:
        threshold (float): See the function. Defaults to 0.75.
        min_kept (int): See the function. Defaults to 65,536, a quarter of
            the pixels of four images of 256x256.
        labels (str): ``'required'`` or ``'optional'``; optional ones count
            as ignored where they are absent.
        loss_weight (float): Factor of the loss.
    """
    prediction = 'semantic'
    target = 'gt_sem_seg'

    def __init__(self, threshold: float = 0.75, min_kept: int = 65536,
                 labels: str = 'required', loss_weight: float = 1.0) -> None:
        super().__init__(labels, loss_weight)
        _check_ohem(threshold, min_kept)
        self.threshold = threshold
        self.min_kept = min_kept

    def measure(self, logits: Tensor, target: Tensor) -> Tensor:
        return ohem_cross_entropy(logits, target, self.threshold,
                                  self.min_kept)


@MODELS.register_module()
class OHEMCrossEntropyLoss(nn.Module):
    """:func:`ohem_cross_entropy` as ``loss_decode`` of mmseg's heads.

    The mean is over the hard pixels alone, as in BiSeNet's and SeAFusion's
    code; with mmseg's ``OHEMPixelSampler`` it is over all of them.

    Args:
        threshold (float): See the function. Defaults to 0.7.
        min_kept (int, optional): See the function. None: as many pixels as
            one image has.
        loss_weight (float): Factor of the loss.
        loss_name (str): In the log.
    """

    def __init__(self, threshold: float = 0.7, min_kept: int | None = None,
                 loss_weight: float = 1.0,
                 loss_name: str = 'loss_ohem') -> None:
        super().__init__()
        _check_ohem(threshold, min_kept)
        self.threshold = threshold
        self.min_kept = min_kept
        self.loss_weight = loss_weight
        self.loss_name = loss_name

    def forward(self, logits: Tensor, target: Tensor, weight: None = None,
                ignore_index: int = IGNORE) -> Tensor:
        """Scalar loss of (B, K, H, W) and classes (B, H, W).

        Raises:
            ValueError: With weights of pixels, or if other values than 255
                are ignored.
        """
        if weight is not None or ignore_index != IGNORE:
            raise ValueError(
                'OHEMCrossEntropyLoss: expected a head without sampler that '
                f'ignores {IGNORE}, got ignore_index={ignore_index}.')
        min_kept = self.min_kept or target[0].numel()
        return self.loss_weight * ohem_cross_entropy(logits, target,
                                                     self.threshold, min_kept)


def _check_ohem(threshold: float, min_kept: int | None) -> None:
    if not 0 < threshold < 1:
        raise ValueError('Expected threshold as a probability in (0, 1), '
                         f'got {threshold}.')
    check_least(1, min_kept=min_kept)


class _MapLoss(_LabelLoss):
    """:func:`two_channel_bce` between an aux output and a label map."""

    def __init__(self, pos_weight: Sequence[float] | None = None,
                 labels: str = 'required', loss_weight: float = 1.0) -> None:
        super().__init__(labels, loss_weight)
        if pos_weight is not None and len(pos_weight) != 2:
            raise ValueError('Expected pos_weight as two factors (channel 0, '
                             f'channel 1) or None, got {pos_weight}.')
        self.pos_weight = pos_weight

    def measure(self, logits: Tensor, target: Tensor) -> Tensor:
        return two_channel_bce(logits, target, self.pos_weight)


@MODELS.register_module()
class BinaryMapLoss(_MapLoss):
    """BCE of ``aux['binary']`` and ``gt_binary``, positives weighted.

    Args:
        pos_weight (Sequence[float], optional): Factors of channel 0 and 1.
            The default is ``1 / ln(1.02 + p)`` for shares p of 96.85% and
            3.15%.
        labels (str): ``'required'`` or ``'optional'``.
        loss_weight (float): Factor of the loss.
    """
    prediction = 'binary'
    target = 'gt_binary'

    def __init__(self, pos_weight: Sequence[float] | None = (1.4548, 19.8962),
                 labels: str = 'required', loss_weight: float = 1.0) -> None:
        super().__init__(pos_weight, labels, loss_weight)


@MODELS.register_module()
class BoundaryMapLoss(_MapLoss):
    """BCE of ``aux['boundary']`` and ``gt_boundary``.

    Args:
        pos_weight (Sequence[float], optional): Factors of channel 0 and 1.
            Defaults to None.
        labels (str): ``'required'`` or ``'optional'``.
        loss_weight (float): Factor of the loss.
    """
    prediction = 'boundary'
    target = 'gt_boundary'
