"""All terms of PSFusion's training loss."""
from collections.abc import Sequence
from dataclasses import dataclass

from mmfusion.registry import MODELS

from .base import WeightedTerms
from .correlation import CorrelationLoss
from .gradient import GradientLoss
from .intensity import IntensityLoss
from .reconstruction import ReconstructionLoss
from .segmentation import BinaryMapLoss, BoundaryMapLoss, OHEMSemanticLoss


@dataclass(frozen=True)
class PSFusionWeights:
    """Weights of the terms of :class:`PSFusionLoss`, and their options.

    Attributes:
        semantic_weight (float): Of :class:`OHEMSemanticLoss`.
        binary_weight (float): Of :class:`BinaryMapLoss`.
        boundary_weight (float): Of :class:`BoundaryMapLoss`.
        correlation_weight (float): Of :class:`CorrelationLoss`.
        gradient_weight (float): Of :class:`GradientLoss`.
        intensity_weight (float): Of :class:`IntensityLoss`.
        vis_weight (float): Of :class:`ReconstructionLoss` of the visible
            luminance.
        ir_weight (float): The same of the infrared image.
        salient_source (str): ``'ir'`` or ``'vis'`` (the authors' released
            training loop), see :class:`IntensityLoss`.
        target_mask (str): ``'gt_mask'`` or ``'boxes'``, likewise.
        box_shape (str): ``'rectangle'`` or ``'ellipse'``, likewise.
        per_image_correlation (bool): Correlate each image by itself rather
            than the whole batch at once, as the authors do.
        threshold (float): See :class:`OHEMSemanticLoss`.
        min_kept (int): See :class:`OHEMSemanticLoss`.
        pos_weight (Sequence[float], optional): See :class:`BinaryMapLoss`.
        labels (str): ``'required'`` raises where a sample has no label;
            ``'optional'`` ignores such images in the semantic, binary and
            boundary terms. The other terms need no labels.
    """
    semantic_weight: float = 10.0
    binary_weight: float = 10.0
    boundary_weight: float = 10.0
    correlation_weight: float = 1.0
    gradient_weight: float = 10.0
    intensity_weight: float = 10.0
    vis_weight: float = 1.0
    ir_weight: float = 1.0
    salient_source: str = 'ir'
    target_mask: str = 'gt_mask'
    box_shape: str = 'ellipse'
    per_image_correlation: bool = False
    threshold: float = 0.75
    min_kept: int = 65536
    pos_weight: Sequence[float] | None = (1.4548, 19.8962)
    labels: str = 'required'


@MODELS.register_module()
class PSFusionLoss(WeightedTerms):
    """``10 (L_sem + L_bin + L_bd) + L_fus + L_vis + L_ir``.

    ``L_fus = L_corr + 10 L_grad + 10 L_int``; source: PSFusion (Information
    Fusion 99, 101870) and its code. Each term is a loss of its own and can
    be used alone, with any fuser that gives what it reads.

    A weight of zero leaves the term out (and, with PSFusion, the parameters
    of its head without gradient).

    Args:
        loss_weight (float): Factor of every term.
        options: See :class:`PSFusionWeights`.
    """

    def __init__(self, loss_weight: float = 1.0, **options) -> None:
        how = PSFusionWeights(**options)
        terms = dict(
            semantic=(OHEMSemanticLoss, how.semantic_weight,
                      dict(threshold=how.threshold, min_kept=how.min_kept,
                           labels=how.labels)),
            binary=(BinaryMapLoss, how.binary_weight,
                    dict(pos_weight=how.pos_weight, labels=how.labels)),
            boundary=(BoundaryMapLoss, how.boundary_weight,
                      dict(labels=how.labels)),
            correlation=(CorrelationLoss, how.correlation_weight,
                         dict(per_image=how.per_image_correlation)),
            gradient=(GradientLoss, how.gradient_weight,
                      {}), intensity=(IntensityLoss, how.intensity_weight,
                                      dict(salient_source=how.salient_source,
                                           target_mask=how.target_mask,
                                           box_shape=how.box_shape)),
            vis_rec=(ReconstructionLoss, how.vis_weight, dict(source='vis')),
            ir_rec=(ReconstructionLoss, how.ir_weight, dict(source='ir')))
        super().__init__(terms, loss_weight)
