"""IFCNN (Information Fusion 54, 2020): any task, any number of sources.

The frozen first layer of a ResNet-101 and one convolution encode each
source in three channels, an element-wise rule joins the maps, two
convolutions decode them. The authors publish one file for each rule.
"""
from collections.abc import Sequence

import torch
from torch import Tensor

from mmfusion.models.layers import luma, to_levels
from mmfusion.registry import MODELS
from mmfusion.structures import FuserOutput
from mmfusion.utils.errors import check_choice

from .layers import conv_layer
from .rule_fuser import Maps, RuleFuser

#: mean and standard deviation of the networks' input
STATISTICS = dict(none=((0., 0., 0.), (1., 1., 1.)),
                  imagenet=((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))


@MODELS.register_module()
class IFCNN(RuleFuser):
    """83,587 parameters, 9,408 of them frozen.

    Args:
        rule (str): ``'max'`` (infrared, focus, medical), ``'mean'``
            (exposures) or ``'add'``; each has weights of its own.
        colour (bool): Whether the network sees and gives RGB. By default it
            sees luminances, three times, and gives luminance.
        normalize (str): ``'imagenet'`` or ``'none'``: statistics of the
            input; the authors choose by task.
        grey_order (str, optional): ``'rgb'`` or ``'bgr'`` takes luminance
            of channels truncated to 256 levels, in this order, as published
            images do; by default it is that of the channels themselves.
        kwargs: See :class:`RuleFuser`.
    """

    tile_overlap = 5

    def __init__(self, rule: str | dict = 'max', colour: bool = False,
                 normalize: str = 'imagenet', grey_order: str | None = None,
                 **kwargs) -> None:
        super().__init__(rule, **kwargs)
        check_choice(STATISTICS, normalize=normalize)
        check_choice((None, 'rgb', 'bgr'), grey_order=grey_order)
        self.colour_sources = colour
        self.grey_order = grey_order
        for name, value in zip(('mean', 'std'), STATISTICS[normalize],
                               strict=True):
            self.register_buffer(f'_{name}',
                                 torch.tensor(value).view(1, 3, 1, 1),
                                 persistent=False)
        layer = dict(padding_mode='replicate', bias=False)
        self.stem = conv_layer(3, 64, 7, None, **layer).requires_grad_(False)
        self.encoder = conv_layer(64, 64, norm=True, **layer)
        self.decoder = conv_layer(64, 64, norm=True, **layer)
        self.out = conv_layer(64, 3, 1, None)

    def encode(self, image: Tensor) -> Maps:
        """64 maps of an image (B, 1 or 3, H, W) in [0, 1]."""
        image = (image.expand(-1, 3, -1, -1) - self._mean) / self._std
        return (self.encoder(self.stem(image)), )

    def decode_rgb(self, maps: Maps) -> Tensor:
        """RGB (B, 3, H, W) of the maps."""
        return self.out(self.decoder(maps[0])) * self._std + self._mean

    def decode(self, maps: Maps) -> Tensor:
        """Luminance of the maps."""
        rgb = self.decode_rgb(maps)
        if self.grey_order is not None:
            rgb = to_levels(rgb, 'trunc')
        return luma(rgb.flip(1) if self.grey_order == 'bgr' else rgb)

    def fuse(self, vis: Tensor, ir: Tensor, *more: Tensor) -> FuserOutput:
        """See :class:`BaseFuser`; a fuser of colour gives RGB alone."""
        if not self.colour_sources:
            return super().fuse(vis, ir, *more)
        rgb = self.fuse_rgb((vis, ir, *more))
        return FuserOutput(rgb.clamp(0, 1) if self.clamp else rgb)

    def fuse_rgb(self, sources: Sequence[Tensor]) -> Tensor:
        """The network's output (B, 3, H, W), nominally in [0, 1].

        Args:
            sources (sequence[Tensor]): Two or more images (B, 3, H, W), or
                (B, 1, H, W), in [0, 1].
        """
        return self.decode_rgb(self.join([self.encode(x) for x in sources]))
