"""Encoder - rule - decoder: the family of DenseFuse, for any sources."""
import torch
from torch import Tensor

from ..base import BaseFuser, LumaResult
from .rules import fusion_rule

Maps = tuple[Tensor, ...]


class RuleFuser(BaseFuser):
    """Encodes each source by itself, joins the maps by a rule, decodes.

    A method implements :meth:`encode` and :meth:`decode`. Rules take any
    number of maps, so that the fuser takes any number of sources.

    Args:
        rule (str | dict): See :func:`~.rules.fusion_rule`.
        autoencoder (bool): Whether training learns to reconstruct each
            source, without a rule: ``aux`` then has ``vis_rec``, ``ir_rec``
            and ``more.0_rec``, ... (B, 1, H, W) for
            :class:`AutoencoderLoss`, the maps of :attr:`map_names`, and the
            fused image no gradient.
        kwargs: See :class:`BaseFuser`.

    Examples:
        >>> class Plain(RuleFuser):
        ...
        ...     def encode(self, image):
        ...         return (image, )
        ...
        ...     def decode(self, maps):
        ...         return maps[0]
        >>> images = [torch.full((1, 1, 2, 2), x) for x in (0.1, 0.2, 0.6)]
        >>> Plain('mean').fuse_luma(*images)[0].unique()
        tensor([0.3000])
    """
    max_sources = None
    #: places of maps that losses read, by the names that ``aux`` gives them
    #: behind ``vis_``, ``ir_``, ``more.0_``, ...
    map_names: dict[str, int] = {}

    def __init__(self, rule: str | dict = 'add', autoencoder: bool = False,
                 **kwargs) -> None:
        super().__init__(**kwargs)
        self.rule = rule if isinstance(rule, str) else rule['type']
        self.autoencoder = autoencoder
        self._join = fusion_rule(rule)
        if self.rule == 'l1_norm' and self.tile_overlap is not None:
            options = {} if isinstance(rule, str) else rule
            self.tile_overlap += options.get('window', 3) // 2
        elif self.rule not in ('add', 'mean', 'max'):
            self.tile_overlap = None  # others look around, nobody knows where

    def encode(self, image: Tensor) -> Maps:
        """Maps of one source (B, 1, H, W) in [0, 1]."""
        raise NotImplementedError

    def decode(self, maps: Maps) -> Tensor:
        """Luminance (B, 1, H, W) of maps as :meth:`encode` gives them."""
        raise NotImplementedError

    def join(self, sources: list[Maps]) -> Maps:
        """The rule, for each map that sources have."""
        return tuple(self._join(maps) for maps in zip(*sources, strict=True))

    def fuse_luma(self, vis_luma: Tensor, ir: Tensor, *more:
                  Tensor) -> LumaResult:
        """Fuse luminances.

        Args:
            vis_luma (Tensor): (B, 1, H, W) in [0, 1].
            ir (Tensor): (B, 1, H, W) in [0, 1].
            more (Tensor): Further sources, likewise.

        Returns:
            tuple[Tensor, dict]: (B, 1, H, W), and the reconstructions of an
            autoencoder in training.
        """
        sources = [self.encode(image) for image in (vis_luma, ir, *more)]
        learns = self.autoencoder and self.training
        with torch.set_grad_enabled(torch.is_grad_enabled() and not learns):
            fused = self.decode(self.join(sources))
        if not learns:
            return fused, {}
        aux = {}
        names = ('vis', 'ir', *(f'more.{k}' for k in range(len(more))))
        for name, maps in zip(names, sources, strict=True):
            aux[f'{name}_rec'] = self.decode(maps)
            aux.update({
                f'{name}_{part}': maps[place]
                for part, place in self.map_names.items()
            })
        return fused, aux
