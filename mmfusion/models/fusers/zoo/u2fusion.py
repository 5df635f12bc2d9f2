"""U2Fusion (IEEE TPAMI 44(1), 2022, pp. 502-518): one network, three tasks.

A dense encoder of both sources and a plain decoder, trained without
references by :class:`InformationPreservationLoss`.
"""
import torch
from torch import Tensor

from mmfusion.registry import MODELS

from ..base import BaseFuser
from .layers import ConvStack, DenseStack, conv_layer


@MODELS.register_module()
class U2Fusion(BaseFuser):
    """659,217 parameters at the published width.

    Args:
        width (int): Channels of each layer of the encoder.
        random_order (bool): Whether training draws, batch by batch, which
            source comes first, as the authors do; else the infrared one.
        kwargs: See :class:`BaseFuser`.
    """
    min_size = 2
    tile_overlap = 10
    padding_mode = 'reflect'

    def __init__(self, width: int = 44, random_order: bool = False,
                 **kwargs) -> None:
        super().__init__(**kwargs)
        self.random_order = random_order
        layer = dict(act=('lrelu', 0.2))
        self.stem = conv_layer(2, width, **layer)
        self.dense = DenseStack(width, width, 5, new_first=True, **layer)
        self.decoder = ConvStack((6 * width, 128, 64, 32, 1), 'tanh_half',
                                 **layer)

    def fuse_luma(self, vis_luma: Tensor, ir: Tensor) -> Tensor:
        """See :class:`BaseFuser`; the result lies in (0, 1)."""
        pair = ir, vis_luma
        if self.training and self.random_order and torch.rand(()) < 0.5:
            pair = vis_luma, ir
        return self.decoder(self.dense(self.stem(torch.cat(pair, 1))))
