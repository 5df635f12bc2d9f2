"""TarDAL's generator (Liu et al., CVPR 2022, arXiv 2203.16220).

:class:`AdversarialFuser` trains it against its discriminators. Differs from
the authors' network in that colour is kept.
"""
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmfusion.registry import MODELS

from ..base import BaseFuser
from .layers import ConvStack, DenseStack, conv_layer


class _ImageNorm(nn.BatchNorm2d):
    """BatchNorm that normalises each image by itself in eval mode.

    Of one image that is what a network does that was never switched to eval
    mode, and no image depends on the others of its batch.
    """

    def __init__(self, channels: int) -> None:
        super().__init__(channels)
        self.track_running_stats = False  # loaded and saved, but not used

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) to the same shape."""
        if self.training:
            return super().forward(x)
        return F.instance_norm(x, weight=self.weight, bias=self.bias,
                               eps=self.eps)


@MODELS.register_module()
class TarDAL(BaseFuser):
    """296,577 parameters.

    Args:
        channels (int): Channels of each dense layer. Defaults to 32.
        batch_statistics (bool): Whether images are normalised by their own
            statistics, as the published ``tardal.pt`` needs, in place of
            running ones (``tardal++.pt``, ``tardal+.pt``). Defaults to
            False.
        kwargs: See :class:`BaseFuser`.
    """

    tile_overlap = 8

    def __init__(self, channels: int = 32, batch_statistics: bool = False,
                 **kwargs) -> None:
        super().__init__(**kwargs)
        self.batch_statistics = batch_statistics
        how = dict(padding_mode='zeros')
        self.encoder = conv_layer(2, channels, norm=True, **how)
        self.dense = DenseStack(channels, channels, 3, norm=True, **how)
        self.decoder = ConvStack(
            (4 * channels, 4 * channels, 2 * channels, channels, 1),
            last_act='tanh', norm=(False, True, True, False), **how)
        if batch_statistics:
            self.tile_overlap = None
            self.min_size = 2  # a single pixel has no deviation
            for layer in list(self.modules()):
                if isinstance(layer, nn.Sequential) and hasattr(layer, 'norm'):
                    layer.norm = _ImageNorm(layer.norm.num_features)

    def fuse_luma(self, vis_luma: Tensor, ir: Tensor) -> Tensor:
        """Fuse luminance.

        Args:
            vis_luma (Tensor): (B, 1, H, W) in [0, 1].
            ir (Tensor): (B, 1, H, W) in [0, 1].

        Returns:
            Tensor: (B, 1, H, W) in (-1, 1); values below 0 are meant to be
            clipped.
        """
        features = self.encoder(torch.cat((ir, vis_luma), 1))
        return self.decoder(self.dense(features))
