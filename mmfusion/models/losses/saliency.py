"""What stands out: saliency maps, target masks, TarDAL's source loss."""
import torch
from torch import Tensor

from mmfusion.functional.ops_torch import TORCH
from mmfusion.functional.ssim import SSIMForm, ssim_map
from mmfusion.registry import MODELS
from mmfusion.structures import BOX_SHAPES, FusionDataSample
from mmfusion.utils.errors import check_choice

from .base import LumaLoss
from .ssim import as_images
from .targets import IGNORE, stack_box_masks, stack_targets

#: where target masks come from; ``'auto'``: the first that a sample has
TARGET_SOURCES = ('auto', 'gt_mask', 'boxes', 'saliency')
_FORM = SSIMForm(border='reflect', data_range=1.)


@torch.no_grad()
def saliency_map(image: Tensor) -> Tensor:
    """Global contrast of each pixel, stretched to [0, 1].

    ``sum_q |I_p - I_q|`` over all pixels of the image, on 256 levels (Zhai &
    Shah, ACM MM 2006).

    Args:
        image (Tensor): (B, 1, H, W) in [0, 1].

    Returns:
        Tensor: (B, 1, H, W); 0 where the image is flat. No gradient.
    """
    levels = TORCH.to_levels(255 * image[:, 0])
    counts = TORCH.histogram(levels)
    grey = torch.arange(256., device=image.device, dtype=counts.dtype)
    contrast = counts @ (grey[:, None] - grey).abs()
    values = contrast.gather(1, levels.flatten(1)).view_as(image)
    low = values.amin((1, 2, 3), keepdim=True)
    span = values.amax((1, 2, 3), keepdim=True) - low
    return ((values - low) / span.clamp(min=1)).to(image.dtype)


def thermal_targets(ir: Tensor) -> Tensor:
    """Pixels that stand out and are warmer than their image's mean.

    Args:
        ir (Tensor): (B, 1, H, W) in [0, 1].

    Returns:
        Tensor: (B, H, W) of bool: :func:`saliency_map` above 0.5.
    """
    warm = ir > ir.mean((1, 2, 3), keepdim=True)
    return (warm & (saliency_map(ir) > 0.5))[:, 0]


def target_masks(data_samples: list[FusionDataSample] | None, ir: Tensor,
                 user: str, source: str = 'auto',
                 box_shape: str = 'ellipse') -> Tensor:
    """Where the targets of each pair are.

    Args:
        data_samples (list[FusionDataSample], optional): One an image.
        ir (Tensor): (B, 1, H, W) in [0, 1].
        user (str): Who asks, for the error's text.
        source (str): ``'gt_mask'``, the samples' map; ``'boxes'``, their
            ``gt_instances``; ``'saliency'``, :func:`thermal_targets`; or
            ``'auto'``: the first of them that a sample has.
        box_shape (str): See :func:`~mmfusion.structures.boxes_to_mask`.

    Returns:
        Tensor: (B, 1, H, W), 1 in targets and 0 elsewhere, in the type of
        ``ir``.

    Raises:
        ValueError: If a sample lacks what ``source`` names.
    """
    check_choice(TARGET_SOURCES, target_mask=source)
    check_choice(BOX_SHAPES, box_shape=box_shape)

    def mask(sample: FusionDataSample | None, image: Tensor) -> Tensor:
        kind = source
        if kind == 'auto':
            known = dict(gt_mask='gt_mask', boxes='gt_instances')
            kind = next((name for name, field in known.items()
                         if sample is not None and field in sample),
                        'saliency')
        if kind == 'saliency':
            return thermal_targets(image)
        samples = None if sample is None else [sample]
        if kind == 'boxes':
            return stack_box_masks(samples, image, user, box_shape)
        labels = stack_targets(samples, 'gt_mask', image, user)
        return (labels > 0) & (labels != IGNORE)

    samples = data_samples or [None] * len(ir)
    return torch.stack([
        mask(sample, image)
        for sample, image in zip(samples, ir.split(1), strict=True)
    ]).to(ir.dtype)


def saliency_weighted_loss(fused: Tensor, vis: Tensor, ir: Tensor,
                           pixel_weight: float = 20.) -> Tensor:
    """Distance to both sources, at each pixel to the more salient one first.

    ``mean(w d(ir) + (1 - w) d(vis))``, ``w = (1 + s(ir) - s(vis)) / 2`` with
    :func:`saliency_map` s and ``d(x) = (1 - SSIM(F, x)) / 2 + 20 |F - x|``
    (TarDAL, CVPR 2022, its first release, which read saliency maps of
    another method from files).

    Args:
        fused (Tensor): F, (B, 1, H, W) in [0, 1].
        vis (Tensor): (B, 1, H, W) in [0, 1].
        ir (Tensor): (B, 1, H, W) in [0, 1].
        pixel_weight (float): Factor of the distance of values.

    Returns:
        Tensor: Scalar.
    """
    image, *sources = as_images(fused, ir, vis)
    ir_distance, vis_distance = ((1 - ssim_map(image, other, _FORM)) / 2 +
                                 pixel_weight *
                                 (image.values - other.values).abs()
                                 for other in sources)
    weight = (1 + saliency_map(ir) - saliency_map(vis))[:, 0] / 2
    return (weight * ir_distance + (1 - weight) * vis_distance).mean()


@MODELS.register_module()
class SaliencyWeightedLoss(LumaLoss):
    """:func:`saliency_weighted_loss` of the luminances.

    Args:
        pixel_weight (float): See the function.
        loss_weight (float): Factor of the loss.
    """

    def __init__(self, pixel_weight: float = 20.,
                 loss_weight: float = 1.0) -> None:
        super().__init__(loss_weight)
        self.pixel_weight = pixel_weight

    def measure(self, fused: Tensor, vis: Tensor, ir: Tensor) -> Tensor:
        return saliency_weighted_loss(fused, vis, ir, self.pixel_weight)
