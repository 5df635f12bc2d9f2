"""DIDFuse (Zhao et al., IJCAI 2020, arXiv 2003.09210).

An autoencoder that splits each image into a base and a detail map. Differs
from the authors' network in this: the rule divides by no zero where all
images are flat, and colour is kept.
"""
import torch
from torch import Tensor

from mmfusion.registry import MODELS

from .layers import conv_layer
from .rule_fuser import Maps, RuleFuser


@MODELS.register_module()
class DIDFuse(RuleFuser):
    """260,935 parameters.

    Args:
        rule (str | dict): See :class:`RuleFuser`. Defaults to
            ``'l1_norm'``, the published one.
        channels (int): Channels of each map. Defaults to 64.
        kwargs: See :class:`RuleFuser`.
    """
    min_size = 2
    tile_overlap = 6
    padding_mode = 'reflect'
    map_names = dict(base=2, detail=3)

    def __init__(self, rule: str | dict = 'l1_norm', channels: int = 64,
                 **kwargs) -> None:
        super().__init__(rule, **kwargs)

        def layer(in_channels: int, act: str = 'prelu',
                  out_channels: int = channels,
                  padding_mode: str = 'zeros') -> torch.nn.Sequential:
            return conv_layer(in_channels, out_channels, act=act, norm=True,
                              padding_mode=padding_mode)

        self.stem = layer(1, padding_mode='reflect')
        self.features = layer(channels)
        self.base = layer(channels, 'tanh')
        self.detail = layer(channels, 'tanh')
        self.merge = layer(2 * channels)
        self.refine = layer(2 * channels)
        self.out = layer(2 * channels, 'sigmoid', 1, 'reflect')

    def encode(self, image: Tensor) -> Maps:
        """Two shallow maps, the base and the detail map of an image."""
        shallow = self.stem(image)
        features = self.features(shallow)
        return shallow, features, self.base(features), self.detail(features)

    def decode(self, maps: Maps) -> Tensor:
        """Luminance of the four maps, in (0, 1)."""
        shallow, features, base, detail = maps
        x = self.merge(torch.cat((base, detail), 1))
        x = self.refine(torch.cat((x, features), 1))
        return self.out(torch.cat((x, shallow), 1))
