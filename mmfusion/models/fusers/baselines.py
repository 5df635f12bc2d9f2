"""Fusion rules without parameters, to compare learned fusers with.

They train nothing: with one of them, ``FuserSegmenter`` is the plain
segmentor on one modality, or on a fixed mixture of both.
"""
from typing import Tuple

from torch import Tensor

from mmfusion.registry import MODELS
from mmfusion.structures import FuserOutput

from .base import BaseFuser


@MODELS.register_module()
class SelectModality(BaseFuser):
    """Shows one modality and ignores the other.

    Args:
        modality (str): ``'vis'`` gives the visible image unchanged,
            ``'ir'`` the infrared one as grey RGB.
        kwargs: See :class:`BaseFuser`.

    Raises:
        ValueError: If ``modality`` is neither.
    """

    def __init__(self, modality: str = 'vis', **kwargs) -> None:
        super().__init__(**kwargs)
        if modality not in ('vis', 'ir'):
            raise ValueError(
                f"Expected modality 'vis' or 'ir', got {modality!r}.")
        self.modality = modality

    def fuse(self, vis: Tensor, ir: Tensor) -> FuserOutput:
        """``fused`` is the chosen image; ``luma`` its luminance."""
        if self.modality == 'ir':
            return FuserOutput(ir.expand(-1, 3, -1, -1), ir)
        return FuserOutput(vis, self.split_colour(vis)[0])


@MODELS.register_module()
class AverageFuser(BaseFuser):
    """Weighted mean of the two luminances; colour from the visible image.

    Args:
        weights (tuple[float, float]): Of the visible and the infrared
            luminance. Defaults to equal shares.
        kwargs: See :class:`BaseFuser`.

    Raises:
        ValueError: If the weights are negative or do not add up to 1.
    """

    def __init__(self,
                 weights: Tuple[float, float] = (0.5, 0.5),
                 **kwargs) -> None:
        super().__init__(**kwargs)
        if (len(weights) != 2 or min(weights) < 0
                or abs(sum(weights) - 1) > 1e-6):
            raise ValueError('Expected two weights of at least 0 that add up '
                             f'to 1, got {weights}.')
        self.weights = tuple(weights)

    def fuse_luma(self, vis_luma: Tensor, ir: Tensor) -> Tensor:
        """Mean luminance (B, 1, H, W)."""
        return self.weights[0] * vis_luma + self.weights[1] * ir
