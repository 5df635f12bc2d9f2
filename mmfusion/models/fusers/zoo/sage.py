"""SAGE's student (CVPR 2025, arXiv 2503.01210): a U of three levels.

Its teacher, guided by SAM, is not published; any fuser teaches it through
:class:`FuserDistiller`, by its images and, at ``module.stages.0`` to ``4``,
by features.
"""
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmfusion.registry import MODELS

from ..base import BaseFuser
from .layers import ConvStack, conv_layer

_LAYER = dict(act=('lrelu', 0.01), padding_mode='zeros')


@MODELS.register_module()
class SAGE(BaseFuser):
    """135,617 parameters at the published width.

    Maps are brought to the size of those above them, whatever it is: of
    sides that are no multiples of 4 the whole image is stretched a little,
    so that tiles would not fit.

    Args:
        width (int): Channels of all maps.
        kwargs: See :class:`BaseFuser`.
    """
    min_size = 4

    def __init__(self, width: int = 32, **kwargs) -> None:
        super().__init__(**kwargs)
        #: two on the way down, one at the bottom, two on the way up
        self.stages = nn.ModuleList(
            ConvStack((channels, width, width,
                       width), _LAYER['act'], norm=(True, True,
                                                    True), **_LAYER)
            for channels in (2, width, width, width, width))
        self.adjust = nn.ModuleList(
            conv_layer(2 * width, width, 1, norm=True, **_LAYER)
            for _ in range(2))
        self.out = conv_layer(width, 1, act='tanh', padding_mode='zeros')

    def fuse_luma(self, vis_luma: Tensor, ir: Tensor) -> Tensor:
        """See :class:`BaseFuser`; the result lies in (-1, 1), values below 0
        are rare."""
        full = self.stages[0](torch.cat((vis_luma, ir), 1))
        half = self.stages[1](F.max_pool2d(full, 2))
        x = self.stages[2](F.max_pool2d(half, 2))
        for stage, adjust, skip in zip(self.stages[3:], self.adjust,
                                       (half, full), strict=True):
            x = F.interpolate(x, size=skip.shape[-2:], mode='bilinear',
                              align_corners=False)
            x = stage(adjust(torch.cat((x, skip), 1)))
        return self.out(x)
