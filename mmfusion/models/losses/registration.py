"""Loss of a registration head."""

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmfusion.models.registration.offsets import (STRIDE, matrix_offsets,
                                                  pixel_grid, window)
from mmfusion.registry import MODELS
from mmfusion.structures import FuserOutput, FusionDataSample
from mmfusion.utils.constants import constant

from .targets import aux_map


def end_point_error(ours: Tensor, theirs: Tensor) -> Tensor:
    """Distance of two offset fields (B, 2, H, W), (B, H, W)."""
    return ((ours - theirs).square().sum(1) + 1e-4).sqrt()


@MODELS.register_module()
class RegistrationLoss(nn.Module):
    """Teaches a :class:`RegistrationHead` the stored misalignments.

    ``misalignment`` of the samples, which :class:`RandomMisalign` draws,
    is the target: no labels are needed. Terms, each with its weight:

    - ``match``: cross-entropy of the window's places; the target is shared
      by the four around the true one. Gradients of the distance alone are
      weak as long as all places are alike.
    - ``votes`` and ``offset``: mean end-point error, pixels, of the cells
      and of the field.
    - ``smooth``: mean change of the cells' offsets from one to the next,
      beyond that of the target, pixels.

    Cells whose true place is outside the image or the window count in
    ``offset`` and ``smooth`` alone.

    Args:
        match (float): Weight. Defaults to 1.
        votes (float): Weight. Defaults to 0.1.
        offset (float): Weight. Defaults to 0.05.
        smooth (float): Weight, relative to ``votes``. Defaults to 0.1.
    """

    def __init__(self, match: float = 1.0, votes: float = 0.1,
                 offset: float = 0.05, smooth: float = 0.1) -> None:
        super().__init__()
        self.weights = dict(match=match, votes=votes, offset=offset,
                            smooth=votes * smooth)

    def forward(
        self, output: FuserOutput, inputs: dict[str, Tensor],
        data_samples: list[FusionDataSample] | None = None
    ) -> dict[str, Tensor]:
        """Terms by name; see :mod:`mmfusion.models.losses`.

        Raises:
            ValueError: If the model has no registration head, or a sample
                no matrix.
        """
        field, votes, scores = (aux_map(
            output, f'registration.{name}', 'RegistrationLoss',
            "Set the model's registration=dict("
            "type='RegistrationHead')")
                                for name in ('offset', 'votes', 'scores'))
        matrix = stack_misalignments(data_samples, field)
        height, width = field.shape[-2:]
        rows, columns = votes.shape[-2:]
        target = matrix_offsets(matrix, rows * STRIDE, columns * STRIDE)
        cells = F.avg_pool2d(target, STRIDE)
        target = target[..., :height, :width]
        radius = (round(scores.shape[1]**0.5) - 1) // 2
        places = (pixel_grid(rows, columns, cells) + 0.5) * STRIDE - 0.5
        seen = places + cells
        last = constant((width - 1, height - 1), seen).reshape(2, 1, 1)
        known = ((seen >= 0) & (seen <= last)
                 & (cells.abs() <= radius * STRIDE)).all(1)

        def mean(values: Tensor) -> Tensor:
            return (values * known).sum() / known.sum().clamp(min=1)

        steps = window(radius, cells).flatten(1)[None, :, :, None, None]
        share = (1 - (steps - cells[:, :, None] / STRIDE).abs()).clamp(
            min=0).prod(1)
        rest = votes - cells
        terms = dict(
            match=mean(-(share * scores.log_softmax(1)).sum(1)),
            votes=mean(end_point_error(votes, cells)),
            offset=end_point_error(field, target).mean(),
            smooth=(rest.diff(dim=2).abs().mean() +
                    rest.diff(dim=3).abs().mean()))
        return {
            name: self.weights[name] * value for name, value in terms.items()
        }


def stack_misalignments(data_samples: list[FusionDataSample] | None,
                        like: Tensor) -> Tensor:
    """The samples' matrices, (B, 3, 3), as the type and device of ``like``.

    Raises:
        ValueError: If a sample has none.
    """
    matrices = [sample.get('misalignment') for sample in data_samples or ()]
    if len(matrices) != len(like) or any(m is None for m in matrices):
        raise ValueError(
            f"RegistrationLoss: expected 'misalignment' in {len(like)} data "
            "samples, one an image. Add dict(type='RandomMisalign') to the "
            'pipeline, before crops and flips.')
    return torch.from_numpy(np.stack(matrices)).to(like, non_blocking=True)
