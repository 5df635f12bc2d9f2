"""DenseFuse (IEEE TIP 28(5), 2019, arXiv 1804.08361).

A dense encoder of each source, a rule, four convolutions; it is trained as
an autoencoder. Two trainings are published: the authors' TensorFlow files,
which gave the published images, add the maps; their PyTorch files average
them. Differs from the authors' networks in this: values lie in [0, 1] on
both sides, odd rules and further sources are possible, and colour is kept.
"""
from torch import Tensor

from mmfusion.registry import MODELS

from .layers import ConvStack, DenseStack, conv_layer
from .rule_fuser import Maps, RuleFuser


@MODELS.register_module()
class DenseFuse(RuleFuser):
    """74,193 parameters.

    The defaults are those of the TensorFlow files; the PyTorch files want
    ``rule='mean', new_first=False, last_act='relu'``.

    Args:
        rule (str | dict): See :class:`RuleFuser`. What ``'add'`` gives is
            divided by the number of sources, to lie in [0, 1].
        new_first (bool): See :class:`DenseStack`.
        last_act (str, optional): Activation of the output.
        kwargs: See :class:`RuleFuser`.
    """
    min_size = 2
    tile_overlap = 8
    padding_mode = 'reflect'

    def __init__(self, rule: str | dict = 'add', new_first: bool = True,
                 last_act: str | None = None, **kwargs) -> None:
        super().__init__(rule, **kwargs)
        self.new_first = new_first
        self.last_act = last_act
        self.stem = conv_layer(1, 16)
        self.dense = DenseStack(16, 16, 3, new_first)
        self.decoder = ConvStack((64, 64, 32, 16, 1), last_act)

    def encode(self, image: Tensor) -> Maps:
        """64 maps of an image; its levels are 0 to 255 inside."""
        return (self.dense(self.stem(255 * image)), )

    def decode(self, maps: Maps) -> Tensor:
        """Luminance of the maps."""
        return self.decoder(maps[0]) / 255

    def fuse_luma(self, vis_luma: Tensor, ir: Tensor, *more:
                  Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """See :class:`RuleFuser`."""
        fused, aux = super().fuse_luma(vis_luma, ir, *more)
        return fused / (2 + len(more) if self.rule == 'add' else 1), aux
