"""AUIF (Zhao et al., IEEE TCSVT 2021, doi 10.1109/TCSVT.2021.3075745).

Base and detail of an image, each by ten unrolled steps of a minimisation.
Differs from the authors' network in the order of sums in its two fixed
filters (2e-5), and in that colour is kept.
"""
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmfusion.registry import MODELS

from .layers import conv_layer
from .rule_fuser import Maps, RuleFuser


def _reflected(image: Tensor, border: int) -> Tensor:
    return F.pad(image, (border, ) * 4, mode='reflect')


def _box_mean(image: Tensor, side: int) -> Tensor:
    return F.avg_pool2d(_reflected(image, side // 2), side, stride=1)


def _laplacian(image: Tensor, side: int) -> Tensor:
    """By a kernel of ones, ``1 - side^2`` in the centre, whose absolute
    values are then made to sum to one."""
    count = side**2
    return count / (2 * (count - 1)) * (_box_mean(image, side) - image)


class _Step(nn.Module):
    """``x - eta (act(norm(K' K x)) - theta (y - x))`` for an image y.

    Args:
        channels (int): Channels of K x.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.kernel = nn.Parameter(torch.randn(channels, 1, 3, 3))
        self.eta = nn.Parameter(0.1 + 0.03 * torch.randn(1))
        self.theta = nn.Parameter(1e-3 + 1e-4 * torch.randn(1))
        self.norm = nn.BatchNorm2d(1)
        self.act = nn.PReLU()

    def forward(self, x: Tensor, image: Tensor) -> Tensor:
        """(B, 1, H, W) to the same shape."""
        adjoint = self.kernel.flip(2, 3).transpose(0, 1)
        slope = F.conv2d(_reflected(x, 1), self.kernel)
        slope = F.conv2d(_reflected(slope, 1), adjoint)
        slope = self.act(self.norm(slope))
        return x - self.eta * (slope - self.theta * (image - x))


@MODELS.register_module()
class AUIF(RuleFuser):
    """11,631 parameters.

    Args:
        rule (str | dict): See :class:`RuleFuser`. Defaults to ``'add'``, the
            published one.
        channels (int): Channels of each kernel. Defaults to 64.
        num_steps (int): Steps of each minimisation. Defaults to 10.
        kwargs: See :class:`RuleFuser`.
    """
    min_size = 10
    tile_overlap = 10
    padding_mode = 'reflect'

    def __init__(self, rule: str | dict = 'add', channels: int = 64,
                 num_steps: int = 10, **kwargs) -> None:
        super().__init__(rule, **kwargs)
        if self.tile_overlap is not None:
            self.tile_overlap += 2 * num_steps
        self.base, self.detail = (nn.ModuleList(
            _Step(channels) for _ in range(num_steps)) for _ in range(2))
        self.out = conv_layer(1, 1, act='sigmoid', norm=True, bias=False)

    def encode(self, image: Tensor) -> Maps:
        """Base and detail (B, 1, H, W) of an image."""
        base, detail = _box_mean(image, 11), _laplacian(image, 19)
        for step in self.base:
            base = step(base, image)
        for step in self.detail:
            detail = step(detail, image)
        return base, detail

    def decode(self, maps: Maps) -> Tensor:
        """Luminance of base and detail, in (0, 1)."""
        base, detail = maps
        return self.out(base + detail)
