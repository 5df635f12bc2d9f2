"""SeAFusion (Information Fusion 82, 2022, pp. 28-42).

Two encoders of one shape, of dense blocks that also pass on gradients, and a
plain decoder. The authors train it in the loop of a segmentor, as
:class:`AdaptiveRoundHook` does.
"""
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from mmfusion.registry import MODELS

from ..base import BaseFuser
from .layers import ConvStack, DenseStack, conv_layer

_LAYER = dict(act=('lrelu', 0.2), padding_mode='zeros')


class GradientDenseBlock(nn.Module):
    """Two dense layers beside the gradient magnitude of each channel.

    The kernels of the gradient start as Sobel's and are trained; those of
    the published weights have moved.

    Args:
        in_channels (int): Channels of the input.
        out_channels (int): Channels of the output.
    """

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.dense = DenseStack(in_channels, in_channels, 2, **_LAYER)
        self.reduce = nn.Conv2d(3 * in_channels, out_channels, 1)
        self.sobel_x, self.sobel_y = (nn.Conv2d(in_channels, in_channels, 3,
                                                padding=1, groups=in_channels,
                                                bias=False) for _ in range(2))
        self.lift = nn.Conv2d(in_channels, out_channels, 1)
        self.act = nn.LeakyReLU(0.1)
        kernel = torch.tensor([[1., 0., -1.], [2., 0., -2.], [1., 0., -1.]])
        with torch.no_grad():
            self.sobel_x.weight.copy_(kernel)
            self.sobel_y.weight.copy_(kernel.T)

    def forward(self, x: Tensor) -> Tensor:
        """(B, ``in_channels``, H, W) to (B, ``out_channels``, H, W)."""
        gradient = self.sobel_x(x).abs() + self.sobel_y(x).abs()
        return self.act(self.reduce(self.dense(x)) + self.lift(gradient))


@MODELS.register_module()
class SeAFusion(BaseFuser):
    """166,657 parameters.

    Args:
        channels (sequence[int]): Of an encoder's three maps.
        kwargs: See :class:`BaseFuser`.
    """
    tile_overlap = 9

    def __init__(self, channels: Sequence[int] = (16, 32, 48),
                 **kwargs) -> None:
        super().__init__(**kwargs)
        first, second, third = channels
        self.vis_encoder, self.ir_encoder = (nn.Sequential(
            conv_layer(1, first, **_LAYER), GradientDenseBlock(first, second),
            GradientDenseBlock(second, third)) for _ in range(2))
        self.decoder = ConvStack((2 * third, 4 * first, 2 * first, first, 1),
                                 'tanh_half', **_LAYER)

    def fuse_luma(self, vis_luma: Tensor, ir: Tensor) -> Tensor:
        """See :class:`BaseFuser`; the result lies in (0, 1)."""
        return self.decoder(
            torch.cat((self.vis_encoder(vis_luma), self.ir_encoder(ir)), 1))
