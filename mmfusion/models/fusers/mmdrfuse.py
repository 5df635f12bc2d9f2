"""MMDRFuse (ACM MM 2024, arXiv 2408.15641): teacher and 113-weight student.

Both fuse luminance by 3x3 convolutions with reflection padding, without
normalization layers. The teacher's last hidden layer, its buffer, has the
four channels of the student's only hidden layer, so that one can teach the
other. Differs from the authors' networks in this: the input is split into
its two modalities, odd sizes are padded, and colour is kept.
"""
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmfusion.registry import MODELS

from .base import BaseFuser


def _conv(in_channels: int, out_channels: int, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(in_channels, out_channels, 3, stride=stride, padding=1,
                     padding_mode='reflect')


@MODELS.register_module()
class MMDRFuseStudent(BaseFuser):
    """Two convolutions; 113 parameters by default.

    ``aux['hidden']`` is the hidden layer after ReLU, (B, ``hidden_channels``,
    H, W).

    Args:
        hidden_channels (int): Width of the hidden layer, that of the
            teacher's buffer. Defaults to 4.
        kwargs: See :class:`BaseFuser`.
    """
    min_size = 2
    tile_overlap = 2

    def __init__(self, hidden_channels: int = 4, **kwargs) -> None:
        super().__init__(**kwargs)
        self.hidden = _conv(2, hidden_channels)
        self.out = _conv(hidden_channels, 1)

    def fuse_luma(self, vis_luma: Tensor,
                  ir: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """Fuse luminance.

        Args:
            vis_luma (Tensor): (B, 1, H, W) in [0, 1].
            ir (Tensor): (B, 1, H, W) in [0, 1].

        Returns:
            tuple[Tensor, dict]: (B, 1, H, W) in (-1, 1), where values below
            0 are rare, and ``hidden``.
        """
        hidden = F.relu(self.hidden(torch.cat((ir, vis_luma), 1)))
        return torch.tanh(self.out(hidden)), dict(hidden=hidden)


@MODELS.register_module()
class MMDRFuseTeacher(BaseFuser):
    """U-shaped network of thirteen convolutions; 556,489 parameters.

    ``aux['buffer']`` is the layer before the output after ReLU,
    (B, ``buffer_channels``, H, W).

    Args:
        channels (Sequence[int]): Channels at full and at half size.
            Defaults to (32, 64).
        buffer_channels (int): Width of the buffer. Defaults to 4.
        kwargs: See :class:`BaseFuser`.
    """
    size_divisor = 2
    min_size = 4
    padding_mode = 'reflect'
    tile_overlap = 26

    def __init__(self, channels: Sequence[int] = (32, 64),
                 buffer_channels: int = 4, **kwargs) -> None:
        super().__init__(**kwargs)
        full, half = channels
        self.encoder = nn.ModuleList([
            _conv(2, full),
            _conv(full, full),
            _conv(2 * full, half, stride=2),
            _conv(half, half),
            _conv(2 * half, half),
            _conv(3 * half, half),
        ])
        self.decoder = nn.ModuleList([
            _conv(half, half),
            _conv(2 * half, half),
            _conv(2 * half, half),
            _conv(2 * half, half),
            _conv(full + half, full),
        ])
        self.buffer = _conv(2 * full, buffer_channels)
        self.out = _conv(buffer_channels, 1)

    def fuse_luma(self, vis_luma: Tensor,
                  ir: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """Fuse luminance.

        Args:
            vis_luma (Tensor): (B, 1, H, W) in [0, 1], even sides.
            ir (Tensor): (B, 1, H, W) in [0, 1].

        Returns:
            tuple[Tensor, dict]: (B, 1, H, W) in (-1, 1), where values below
            0 are rare, and ``buffer``.
        """
        e1 = self._encode(0, ir, vis_luma)
        e2 = self._encode(1, e1)
        e3 = self._encode(2, e1, e2)
        e4 = self._encode(3, e3)
        e5 = self._encode(4, e3, e4)
        d6 = self._decode(0, self._encode(5, e3, e4, e5))
        d5 = self._decode(1, e5, d6)
        d4 = self._decode(2, e4, d5)
        d3 = self._decode(3, e3, d4)
        up = F.interpolate(d3, scale_factor=2, mode='bicubic')
        d2 = self._decode(4, e2, up)
        buffer = F.relu(self.buffer(torch.cat((e1, d2), 1)))
        return torch.tanh(self.out(buffer)), dict(buffer=buffer)

    def _encode(self, index: int, *maps: Tensor) -> Tensor:
        return F.relu(self.encoder[index](torch.cat(maps, 1)))

    def _decode(self, index: int, *maps: Tensor) -> Tensor:
        return F.relu(self.decoder[index](torch.cat(maps, 1)))
