"""LRRNet (Li et al., IEEE TPAMI 45(9), 2023, arXiv 2304.05172).

Low-rank and sparse parts by unrolled sparse coding. Differs from the
authors' network in this: the output is stretched inside, so that colour can
be joined to it.
"""
import torch
from torch import Tensor, nn

from mmfusion.registry import MODELS

from ..base import BaseFuser
from .layers import min_max

#: of the authors' stretching, of levels 0 to 255 and of their output
_EPSILON = 1e-5


def _conv(in_channels: int, out_channels: int) -> nn.Conv2d:
    return nn.Conv2d(in_channels, out_channels, 3, padding=1,
                     padding_mode='reflect')


class _Decomposer(nn.Module):
    """``z = soft(c z + B (x - A z); t)``, unrolled from ``soft(W x; t)``.

    Args:
        channels (int): Channels of the low-rank and of the sparse part.
        num_steps (int): Steps, each with an A and a B of its own.
    """

    def __init__(self, channels: int, num_steps: int) -> None:
        super().__init__()
        code = 2 * channels
        self.start = _conv(1, code)
        self.synthesis, self.analysis = (nn.ModuleList(
            _conv(*channels)
            for _ in range(num_steps)) for channels in ((code, 1), (1, code)))
        self.threshold = nn.Parameter(torch.full((1, code), 0.01))
        self.decay = nn.Parameter(torch.ones(1, 1))

    def forward(self, x: Tensor) -> Tensor:
        """Both parts, (B, 2 channels, H, W), of (B, 1, H, W)."""
        code = self._soft(self.start(x))
        for synthesis, analysis in zip(self.synthesis, self.analysis,
                                       strict=True):
            code = self._soft(self.decay[..., None, None] * code +
                              analysis(x - synthesis(code)))
        return code

    def _soft(self, code: Tensor) -> Tensor:
        # F.softshrink refuses negative thresholds, which occur
        threshold = self.threshold[..., None, None]
        return code.sign() * (code.abs() - threshold).clamp(min=0)


@MODELS.register_module()
class LRRNet(BaseFuser):
    """49,204 parameters.

    ``aux['raw']`` is the network's output, (B, 1, H, W), about 0.03 to 0.26.

    Args:
        channels (int): Channels of the low-rank and of the sparse part.
            Defaults to 128.
        num_steps (int): Steps of each decomposition. Defaults to 4.
        stretch (bool): Whether the fused luminance is the output stretched
            to [0, 1], as the authors save it. Defaults to True.
        kwargs: See :class:`BaseFuser`.
    """
    min_size = 2
    padding_mode = 'reflect'

    def __init__(self, channels: int = 128, num_steps: int = 4,
                 stretch: bool = True, **kwargs) -> None:
        super().__init__(**kwargs)
        self.stretch = stretch
        self.ir_decomposer, self.vis_decomposer = (_Decomposer(
            channels, num_steps) for _ in range(2))
        self.reduce = nn.ModuleDict({
            f'{source}_{part}': _conv(channels, 1) for source in ('ir', 'vis')
            for part in ('low_rank', 'sparse')
        })
        self.low_rank, self.sparse = _conv(2, 1), _conv(2, 1)

    def fuse_luma(self, vis_luma: Tensor,
                  ir: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """Fuse luminance.

        Args:
            vis_luma (Tensor): (B, 1, H, W) in [0, 1].
            ir (Tensor): (B, 1, H, W) in [0, 1].

        Returns:
            tuple[Tensor, dict]: (B, 1, H, W), and ``raw``.
        """
        parts = {}
        for source, image, decomposer in (('ir', ir, self.ir_decomposer),
                                          ('vis', vis_luma,
                                           self.vis_decomposer)):
            code = decomposer(min_max(image, _EPSILON / 255))
            low_rank, sparse = code.chunk(2, 1)
            for part, maps in (('low_rank', low_rank), ('sparse', sparse)):
                name = f'{source}_{part}'
                parts[name] = self.reduce[name](maps)
        raw = sum(
            getattr(self, part)(torch.cat((parts[f'ir_{part}'],
                                           parts[f'vis_{part}']), 1))
            for part in ('low_rank', 'sparse'))
        return min_max(raw, _EPSILON) if self.stretch else raw, dict(raw=raw)
