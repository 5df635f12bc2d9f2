"""TransFuser6, the fuser of BFFR (arXiv 2211.12286).

Two convolutional encoders, channel attention at four scales, a nested
decoder. Written from a description of the authors' network; it computes
the same, and differs in this:

- the 16 BatchNorm layers that theirs owns but never calls do not exist
  (704 parameters without gradient), so DDP runs as it is;
- the attention is computed through C x C matrices, in float32;
- widths are arguments, and ``attn_norm`` makes the attention independent
  of the image size.
"""
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmfusion.registry import MODELS

from ..base import BaseFuser
from .layers import ChannelAttention, Encoder, Node, reflect


@MODELS.register_module()
class TransFuser6(BaseFuser):
    """BFFR's fuser of luminance; 3,908,321 parameters by default.

    Args:
        stem_channels (int): Channels of the first layer. Defaults to 16.
        channels (Sequence[int]): Channels at full, 1/2, 1/4 and 1/8 size.
            Defaults to (32, 64, 96, 128).
        heads (Sequence[int]): Attention heads of each scale; each divides
            its channels. Defaults to (4, 8, 8, 16).
        attn_norm (bool): Whether to divide the attention's logits by the
            number of pixels. The authors' weights need False; True makes
            training on crops and testing on whole images agree. Defaults to
            False.
        channel_order (str): ``'bgr'`` reproduces the authors, who apply the
            luminance weights to BGR images. Defaults to ``'rgb'``.
        clamp (bool): Whether to clamp the fused image to [0, 1]. Defaults
            to False, as the authors.
        init_cfg (dict, optional): Initialization config; None leaves
            PyTorch's defaults, as the authors.
    """
    min_size = 16

    def __init__(self, stem_channels: int = 16,
                 channels: Sequence[int] = (32, 64, 96, 128),
                 heads: Sequence[int] = (4, 8, 8, 16), attn_norm: bool = False,
                 channel_order: str = 'rgb', clamp: bool = False,
                 init_cfg: dict | None = None) -> None:
        super().__init__(channel_order=channel_order, clamp=clamp,
                         init_cfg=init_cfg)
        if (len(channels) != 4 or len(heads) != 4
                or any(c % h for c, h in zip(channels, heads, strict=True))):
            raise ValueError(
                'Expected four channels and four heads, each channel count '
                f'divisible by its heads, got channels={tuple(channels)} and '
                f'heads={tuple(heads)}.')
        self.vis_encoder = Encoder(stem_channels, channels)
        self.ir_encoder = Encoder(stem_channels, channels)
        self.vis_attentions, self.ir_attentions = (nn.ModuleList(
            ChannelAttention(c, h, attn_norm)
            for c, h in zip(channels, heads, strict=True)) for _ in range(2))
        c1, c2, c3, c4 = channels
        # xij: scale i, j-th column of the nested decoder
        self.nodes = nn.ModuleDict(
            dict(x11=Node(c1, c2, c1), x21=Node(c2, c3, c2),
                 x31=Node(c3, c4, c3), x12=Node(2 * c1, c2, c1),
                 x22=Node(2 * c2, c3, c2), x13=Node(3 * c1, c2, c1)))
        self.to_luma = nn.Conv2d(c1, 1, 1)

    def fuse_luma(self, vis_luma: Tensor, ir: Tensor) -> Tensor:
        """Fuse luminance.

        Args:
            vis_luma (Tensor): (B, 1, H, W) in [0, 1], sides of at least 16.
            ir (Tensor): (B, 1, H, W) in [0, 1].

        Returns:
            Tensor: (B, 1, H, W) in (0, 1).
        """
        vis_features = self.vis_encoder(vis_luma)
        ir_features = self.ir_encoder(ir)
        return self.decode([(self.vis_attentions[k](vis_features[k]) +
                             self.ir_attentions[k](ir_features[k])) / 2
                            for k in range(4)])

    def decode(self, features: Sequence[Tensor]) -> Tensor:
        """Fused features of the four scales to luminance (B, 1, H, W)."""
        nodes = self.nodes
        f1, f2, f3, f4 = features
        p1, p2, p3 = reflect(f1), reflect(f2), reflect(f3)
        x11 = nodes['x11']((p1, ), f2)
        x21 = nodes['x21']((p2, ), f3)
        x31 = nodes['x31']((p3, ), f4)
        p11, p21 = _activate_padded(x11), _activate_padded(x21)
        x22 = _activate(nodes['x22']((p2, p21), _activate(x31)))
        x12 = nodes['x12']((p1, p11), p21[..., 1:-1, 1:-1])
        p12 = _activate_padded(x12)
        x13 = _activate(nodes['x13']((p1, p11, p12), x22))
        return torch.tanh(self.to_luma(x13)) / 2 + 0.5


def _activate(x: Tensor) -> Tensor:
    return F.leaky_relu_(x, 0.01)


def _activate_padded(x: Tensor) -> Tensor:
    return _activate(reflect(x))
