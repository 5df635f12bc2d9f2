"""DeepFuse (ICCV 2017): two extreme exposures, without supervision.

Two shared layers encode each luminance, the maps are added, four layers
decode them. The output has no range of its own (the published weights give
values of about 1e8): the authors stretch each image. Differs from their
code in this: the luminances are those of mmfusion, of the full range; their
MATLAB code for colour is not reproduced.
"""
from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor, nn

from mmfusion.registry import MODELS

from .layers import conv_layer, min_max
from .rule_fuser import Maps, RuleFuser


def _stack(channels: Sequence[int], sides: Sequence[int]) -> nn.Sequential:
    return nn.Sequential(
        *(conv_layer(inputs, outputs, side, (
            'lrelu', 0.01), padding_mode='zeros', bias=False)
          for (inputs,
               outputs), side in zip(pairwise(channels), sides, strict=True)))


@MODELS.register_module()
class DeepFuse(RuleFuser):
    """316,976 parameters.

    ``aux['raw']`` is the output before it is stretched, (B, 1, H, W).

    Args:
        rule (str | dict): See :class:`RuleFuser`.
        limits (tuple[float, float], optional): Raw values that become 0 and
            1, for parts of a larger image; by default the lowest and highest
            value of each image.
        kwargs: See :class:`RuleFuser`.
    """

    def __init__(self, rule: str | dict = 'add',
                 limits: tuple[float, float] | None = None, **kwargs) -> None:
        super().__init__(rule, **kwargs)
        self.limits = limits
        self.tile_overlap = None if limits is None else 13
        self.encoder = _stack((1, 32, 64), (3, 5))
        self.decoder = _stack((64, 64, 32, 16, 1), (7, 5, 5, 7))

    def encode(self, image: Tensor) -> Maps:
        """64 maps of an image; its levels are 0 to 255 inside."""
        return (self.encoder(255 * image), )

    def decode(self, maps: Maps) -> Tensor:
        """Raw values of the maps."""
        return self.decoder(maps[0])

    def fuse_luma(self, vis_luma: Tensor, ir: Tensor, *more:
                  Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """See :class:`RuleFuser`; the luminance is stretched to [0, 1]."""
        raw, aux = super().fuse_luma(vis_luma, ir, *more)
        if self.limits is None:
            fused = min_max(raw)
        else:
            fused = (raw - self.limits[0]) / (self.limits[1] - self.limits[0])
        return fused, {**aux, 'raw': raw}
