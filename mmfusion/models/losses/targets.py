"""What losses read from a fuser's output and from data samples."""
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from mmfusion.models.layers import luma
from mmfusion.structures import FuserOutput, FusionDataSample, boxes_to_mask
from mmfusion.utils.errors import check_choice

IGNORE = 255

_MAKERS = dict(gt_sem_seg='LoadFusionAnnotations',
               gt_binary='DeriveFusionMaps', gt_boundary='DeriveFusionMaps',
               gt_mask='DeriveFusionMaps')


def fused_luma(output: FuserOutput) -> Tensor:
    """Luminance of the fused image, (B, 1, H, W)."""
    return luma(output.fused) if output.luma is None else output.luma


def source_lumas(inputs: dict[str, Tensor]) -> dict[str, Tensor]:
    """Luminances (B, 1, H, W) of all sources, by the names ``vis``, ``ir``,
    ``more.0``, ...

    Args:
        inputs (dict[str, Tensor]): What a loss gets.
    """
    return dict(
        vis=inputs['vis_luma'], ir=inputs['ir'], **{
            name: image for name, image in inputs.items()
            if name.startswith('more.')
        })


def aux_map(output: FuserOutput, name: str, user: str,
            remedy: str = 'Use PSFusion') -> Tensor:
    """An auxiliary output of the fuser.

    Args:
        output (FuserOutput): The fuser's output.
        name (str): Key in ``output.aux``.
        user (str): The loss that asks, for the error's text.
        remedy (str): What to do without it, likewise.

    Raises:
        ValueError: If the fuser does not give it.
    """
    if name not in output.aux:
        raise ValueError(
            f'{user}: expected a fuser with {name!r} in its aux outputs, got '
            f'{sorted(output.aux)}. {remedy}, or remove this loss.')
    return output.aux[name]


def stack_targets(data_samples: list[FusionDataSample] | None, name: str,
                  like: Tensor, user: str, labels: str = 'required') -> Tensor:
    """One ground-truth map of all samples.

    Args:
        data_samples (list[FusionDataSample], optional): One an image.
        name (str): Field of the samples, e.g. ``'gt_sem_seg'``.
        like (Tensor): (B, C, H, W), gives batch, size and device.
        user (str): The loss that asks, for the error's text.
        labels (str): ``'required'``, or ``'optional'``: images without the
            map count as ignored everywhere.

    Returns:
        Tensor: (B, H, W) of integers; 255 is to be ignored. Maps smaller
        than the image are padded at the right and bottom.

    Raises:
        ValueError: If a required map is absent or larger than the image.
    """
    batch, _, height, width = like.shape
    samples: Sequence = data_samples or [None] * batch
    if len(samples) != batch:
        raise ValueError(f'{user}: expected {batch} data samples, one an '
                         f'image, got {len(samples)}.')
    maps = []
    for sample in samples:
        field = None if sample is None else sample.get(name)
        if field is None:
            if labels == 'required':
                raise ValueError(
                    f'{user}: expected {name!r} in every data sample, got '
                    f'one without. Add dict(type={_MAKERS[name]!r}) to the '
                    "pipeline, set labels='optional', or give this term the "
                    'weight 0.')
            maps.append(
                torch.full((height, width), IGNORE, dtype=torch.long,
                           device=like.device))
            continue
        data = field.data.to(like.device).long()
        data = data.reshape(data.shape[-2:])
        pad = (0, width - data.shape[1], 0, height - data.shape[0])
        if min(pad) < 0:
            raise ValueError(
                f'{user}: expected {name!r} of at most {(height, width)}, '
                f'got {tuple(data.shape)}. Transform images and labels '
                'together.')
        maps.append(F.pad(data, pad, value=IGNORE))
    return torch.stack(maps)


def stack_box_masks(data_samples: list[FusionDataSample] | None, like: Tensor,
                    user: str, shape: str = 'rectangle') -> Tensor:
    """Masks of the boxes in ``gt_instances`` of all samples.

    They are drawn after all augmentation, where the boxes are by then.

    Args:
        data_samples (list[FusionDataSample]): One an image.
        like (Tensor): (B, C, H, W), gives batch, size and device.
        user (str): The loss that asks, for the error's text.
        shape (str): See :func:`~mmfusion.structures.boxes_to_mask`.

    Returns:
        Tensor: (B, H, W) of bool.

    Raises:
        ValueError: If a sample has no ``gt_instances``.
    """
    samples = data_samples or []
    if len(samples) != len(like) or any('gt_instances' not in sample
                                        for sample in samples):
        raise ValueError(
            f"{user}: expected 'gt_instances' in {len(like)} data samples, "
            "one an image. Add dict(type='mmdet.LoadAnnotations', "
            "with_bbox=True) to the pipeline, or set target_mask='gt_mask'.")
    size = tuple(like.shape[-2:])
    return torch.stack([
        boxes_to_mask(sample.gt_instances.bboxes, size, shape)
        for sample in samples
    ]).to(like.device)


def check_labels_option(labels: str) -> str:
    """Return ``labels``, or raise a ValueError if it is no such option."""
    check_choice(('required', 'optional'), labels=labels)
    return labels
