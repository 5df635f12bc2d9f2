"""Dynamic refresh: a network learns from its own best past outputs."""
from collections.abc import Sequence

import torch
from mmengine.dist import all_reduce, get_world_size
from torch import Tensor

from mmfusion.functional import get_metric
from mmfusion.functional.image import Image
from mmfusion.functional.ops_torch import TORCH
from mmfusion.models.layers import laplacian, shared_features
from mmfusion.registry import MODELS
from mmfusion.structures import FuserOutput, FusionDataSample
from mmfusion.utils.errors import check_choice

from .base import FusionLoss
from .perceptual import feature_distance
from .targets import fused_luma

#: side of the grid of pixels that tells one input from another
_PROBES = 8


def _l1(past: Tensor, fused: Tensor) -> Tensor:
    return (past - fused).abs().flatten(1).mean(1)


def _laplacian(past: Tensor, fused: Tensor) -> Tensor:
    return (laplacian(past) - laplacian(fused)).square().flatten(1).mean(1)


_PIXEL = dict(l1=_l1, laplacian=_laplacian)


def sample_indices(data_samples: list[FusionDataSample] | None) -> list[int]:
    """``sample_idx`` of each sample.

    Raises:
        ValueError: If one has none, or two have the same.
    """
    indices = [
        sample.metainfo.get('sample_idx') for sample in data_samples or ()
    ]
    if not indices or None in indices or len(set(indices)) < len(indices):
        raise ValueError(
            "Expected a different 'sample_idx' in the meta information of "
            f'every sample of the batch, got {indices}. PackFusionInputs '
            'takes it over from the data set; a batch must not hold a '
            'sample twice.')
    return [int(index) for index in indices]


def input_prints(inputs: dict[str, Tensor]) -> Tensor:
    """An integer for each pair that changes when its pixels move.

    Args:
        inputs (dict[str, Tensor]): ``vis`` (B, 3, H, W), ``ir``
            (B, 1, H, W), in [0, 1].

    Returns:
        Tensor: int64 (B, ) on the CPU, made of a grid of 8-bit values.
    """
    images = torch.cat((inputs['vis'], inputs['ir']), 1).detach()
    rows, columns = (torch.linspace(0, side - 1, _PROBES,
                                    device=images.device).long()
                     for side in images.shape[-2:])
    levels = (images[:, :, rows][..., columns] * 255).round().long()
    weights = torch.arange(1, levels[0].numel() + 1, device=images.device)
    # a polynomial modulo 2^64, by the overflow of integers
    return (levels.flatten(1) * (weights * 0x5851F42D4C957F2D)).sum(1).cpu()


@MODELS.register_module()
class DynamicRefreshLoss(FusionLoss):
    """Pulls outputs that got worse back to the best remembered one.

    A bank remembers one output for each training sample. In every step a
    metric of the present outputs is compared with that of the remembered
    ones. Better: the present ones are remembered, no loss. Worse: the loss
    is ``factor * (loss of score) * distance(remembered, present)``. Equal:
    neither. Samples seen for the first time are remembered.

    Two of these, led by SSIM (deep features, L1) and by GMSD (shallow
    features, Laplacian), are the dynamic refresh of MMDRFuse (ACM MM 2024);
    a bank is the memory unit of MUFusion.

    Under DDP decision and loss are those of the whole batch of all
    processes. Needs the same pixels of a sample in all epochs.

    Args:
        score (str): A registered fusion metric with a direction, e.g.
            ``'SSIM'`` or ``'GMSD'``, of the luminances times 255, summed
            over both sources.
        pixel (str): Distance of pixels: ``'l1'``, ``'laplacian'`` (squared,
            of Laplacians).
        features (dict, optional): Config of the feature network, see
            :class:`MaxPerceptualLoss`. None leaves features out.
        taps (sequence[str]): Features compared (mean of squares).
        granularity (str): ``'batch'`` decides by the mean score of the
            batch, as the authors; ``'sample'`` for each sample.
        factor (float): See above. Defaults to 10.
        bank (dict, optional): Config of the bank. Defaults to
            :class:`HistoryBank`.
        loss_weight (float): Factor of the loss.

    Raises:
        ValueError: On an unknown score, pixel distance or granularity, and
            on taps without features.
    """

    def __init__(self, score: str, pixel: str, features: dict | None = None,
                 taps: Sequence[str] = (), granularity: str = 'batch',
                 factor: float = 10., bank: dict | None = None,
                 loss_weight: float = 1.0) -> None:
        super().__init__(loss_weight)
        self.metric = get_metric(score)
        if self.metric.higher_is_better is None or self.metric.takes_colour:
            raise ValueError(
                'Expected a score of luminances that is better the higher or '
                f'the lower it is, got {self.metric.key}.')
        check_choice(_PIXEL, pixel=pixel)
        check_choice(('batch', 'sample'), granularity=granularity)
        if bool(taps) != (features is not None):
            raise ValueError('Expected features and taps, or neither, got '
                             f'features={features} and taps={tuple(taps)}.')
        self.pixel = pixel
        self.taps = tuple(taps)
        self._features = features and (shared_features(features), )
        self.granularity = granularity
        self.factor = factor
        self.bank = MODELS.build(bank or dict(type='HistoryBank'))

    def value(self, output: FuserOutput, inputs: dict[str, Tensor],
              data_samples: list[FusionDataSample] | None) -> Tensor:
        """Unweighted loss.

        Raises:
            ValueError: If samples have no index or changed their pixels.
        """
        fused = fused_luma(output)
        indices = sample_indices(data_samples)
        prints = input_prints(inputs)
        known = self.bank.knows(indices, prints)
        past = None
        if known.any():
            past = self.bank.read(
                [i for i, k in zip(indices, known.tolist(), strict=True) if k],
                fused)
        gain = self._gain(fused.detach(), past, known, inputs)
        better, weight = self._decide(gain)
        loss = fused.new_zeros(())
        if past is not None and weight.any():
            loss = (weight * self._distance(past, fused, known)).sum()
        renew = ~known
        renew[known] = better
        self.bank.write(
            [i for i, k in zip(indices, renew.tolist(), strict=True) if k],
            prints[renew], fused[renew.to(fused.device)])
        return loss

    @torch.no_grad()
    def _gain(self, fused: Tensor, past: Tensor | None, known: Tensor,
              inputs: dict[str, Tensor]) -> Tensor:
        """By how much known samples got better: (N, )."""
        if past is None:
            return fused.new_zeros(0)
        rows = known.to(fused.device)
        sources = [inputs[key][rows] for key in ('ir', 'vis_luma')]
        present, best = (self._score(x, sources) for x in (fused[rows], past))
        gain = present - best
        return gain if self.metric.higher_is_better else -gain

    def _score(self, fused: Tensor, sources: Sequence[Tensor]) -> Tensor:
        """The metric of each image: (N, )."""
        images = []
        for x in (fused, *sources):
            levels = x[:, 0].float() * 255
            if self.metric.needs_integers:
                levels = levels.round().clamp(0, 255)
            images.append(Image(levels, TORCH))
        return self.metric(images[0], images[1:])

    def _decide(self, gain: Tensor) -> tuple[Tensor, Tensor]:
        """Which known samples are renewed (on the CPU), and loss weights.

        The weights add up to a mean over the known samples of all
        processes, once DDP has averaged the gradients.
        """
        total = torch.stack((gain.sum(), gain.new_tensor(len(gain))))
        all_reduce(total)
        count = total[1].clamp(min=1)
        if self.granularity == 'batch':
            gain = (total[0] / count).expand(len(gain))
        weight = self.factor * (-gain).clamp(min=0)
        return (gain > 0).cpu(), weight * (get_world_size() / count)

    def _distance(self, past: Tensor, fused: Tensor, known: Tensor) -> Tensor:
        """Distance of each known sample to its remembered image: (N, )."""
        rows = known.to(fused.device)
        distance = _PIXEL[self.pixel](past, fused[rows])
        if self.taps:
            features, = self._features
            with torch.no_grad():
                before = features(past)
            distance = distance + feature_distance(
                before, features.kept(fused), self.taps, rows)
        return distance
