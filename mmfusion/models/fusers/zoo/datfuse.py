"""DATFuse: an attention module, pixel-wise transformer blocks, it again.

Paper: Tang et al., "DATFuse: Infrared and Visible Image Fusion via Dual
Attention Transformer", IEEE TCSVT 33(7), 2023, doi
10.1109/TCSVT.2023.3234340. Origin: github.com/tthinking/DATFuse.

Differs from the authors' network in this: layers that are never called and
position biases of windows of one token are left out.
"""
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmfusion.registry import MODELS

from ..base import BaseFuser
from .layers import ConvStack, PixelTransformer, conv_layer


class DualAttention(nn.Module):
    """One convolution twice, then gates of channels and of pixels."""

    def __init__(self, channels: int, reduced: int) -> None:
        super().__init__()
        self.layer = conv_layer(channels, channels, act=None, norm=True,
                                padding_mode='replicate')
        self.channel = ConvStack((channels, reduced, channels), 'sigmoid',
                                 kernel_size=1)
        self.spatial = ConvStack((channels, reduced, 1), 'sigmoid',
                                 norm=(True, True), padding_mode='zeros')

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """(B, C, H, W) to attended and plain maps of the same shape."""
        t = self.layer(F.relu(self.layer(x)))
        mean = t.mean((2, 3), keepdim=True)
        return t * self.channel(mean) + t * self.spatial(t), t


@MODELS.register_module()
class DATFuse(BaseFuser):
    """Fuses luminance; 10,552 parameters by default.

    Args:
        channels (int): Width of all maps.
        reduced (int): Width inside of the gates.
        depth (int): Transformer blocks.
        kwargs: See :class:`BaseFuser`.
    """

    def __init__(self, channels: int = 16, reduced: int = 4, depth: int = 2,
                 **kwargs) -> None:
        super().__init__(**kwargs)
        self.stem = conv_layer(2, channels, 5, norm=True,
                               padding_mode='replicate')
        self.attention = DualAttention(channels, reduced)
        self.transformer = PixelTransformer(channels, depth)
        self.out = nn.Conv2d(channels, 1, 1)

    def fuse_luma(self, vis_luma: Tensor, ir: Tensor) -> Tensor:
        """Fused luminance (B, 1, H, W) in (-1, 1), hardly below 0."""
        x = self.stem(torch.cat((ir, vis_luma), 1))
        x = self.transformer(F.relu(self.attention(x)[0] + x))
        return torch.tanh(self.out(sum(self.attention(x))))
