"""MMDRFuse's networks rearranged for inference.

The student has four channels and one, where vector units work on sixteen.
Here neighbouring columns take the place of missing channels: a convolution
of stride k along the width gives k columns at once. In channels-last memory
order its result *is* the image of all columns, so nothing is moved. A GPU
gains nothing by it and runs the layers as they are.

The teacher pads each map once, and sums the convolutions of its inputs
instead of joining them.
"""
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmfusion.registry import FAST_FORMS

from ..mmdrfuse import MMDRFuseStudent
from .conv import FusedConv2d

#: columns that a kernel of each layer gives at once; measured
_HIDDEN_COLUMNS, _OUT_COLUMNS = 4, 16


def mirror_rim(x: Tensor, height: int, width: int) -> None:
    """Fill a rim of one pixel by reflection, in place.

    Args:
        x (Tensor): (B, H + 2, >= W + 2, C) with the image at (1, 1).
        height (int): H, at least 2.
        width (int): W, at least 2.
    """
    x[:, 0] = x[:, 2]
    x[:, height + 1] = x[:, height - 1]
    x[:, :, 0] = x[:, :, 2]
    x[:, :, width + 1] = x[:, :, width - 1]


class ColumnStudent(nn.Module):
    """Two 3x3 convolutions with reflection padding, ReLU, tanh.

    Args:
        hidden (nn.Conv2d): 2 channels to C.
        out (nn.Conv2d): C channels to 1.
    """

    def __init__(self, hidden: nn.Conv2d, out: nn.Conv2d) -> None:
        super().__init__()
        self.hidden, self.out = hidden, out
        channels = hidden.out_channels
        k = _HIDDEN_COLUMNS
        first = hidden.weight.new_zeros(k, channels, 2, 3, k + 2)
        for column in range(k):
            first[column, ..., column:column + 3] = hidden.weight.detach()
        k = _OUT_COLUMNS
        # the columns' channels lie side by side: one channel, a wide kernel
        second = out.weight.new_zeros(k, 1, 3, k + 2, channels)
        for column in range(k):
            second[column, 0, :,
                   column:column + 3] = out.weight.detach()[0].permute(
                       1, 2, 0)
        for name, value in dict(
                first=first.flatten(
                    0, 1).contiguous(memory_format=torch.channels_last),
                first_bias=hidden.bias.detach().repeat(_HIDDEN_COLUMNS),
                second=second.flatten(3),
                second_bias=out.bias.detach().repeat(k)).items():
            self.register_buffer(name, value)

    def forward(self, vis_luma: Tensor,
                ir: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """See ``MMDRFuseStudent.fuse_luma``."""
        if ir.device.type != 'cpu':
            return MMDRFuseStudent.fuse_luma(self, vis_luma, ir)
        batch, _, height, width = ir.shape
        hidden = self._hidden(vis_luma, ir)
        row = hidden[0, 0].numel()
        # A map of one channel looks the same in both memory orders; these
        # strides say that it is channels-last, hence so is the result.
        flat = hidden.as_strided((batch, 1, height + 2, row),
                                 ((height + 2) * row, 1, row, 1))
        step = hidden.shape[3] * _OUT_COLUMNS
        out = F.conv2d(flat, self.second, self.second_bias, (1, step))
        fused = torch.tanh_(out).permute(0, 2, 3, 1).flatten(2)
        hidden = hidden[:, 1:-1, 1:width + 1].permute(0, 3, 1, 2)
        return fused[:, None, :, :width], dict(hidden=hidden)

    def _hidden(self, vis_luma: Tensor, ir: Tensor) -> Tensor:
        """After ReLU, with a mirrored rim: (B, H + 2, >= W + 2, C)."""
        batch, _, height, width = ir.shape
        k = _HIDDEN_COLUMNS
        # as many columns as the blocks of the second layer ask for
        blocks = -(-width // _OUT_COLUMNS)
        columns = -(-(blocks * _OUT_COLUMNS + 2) // k) * k
        x = ir.new_zeros(batch, height + 4, columns + 2, 2)
        for channel, image in enumerate((ir, vis_luma)):
            x[:, 2:-2, 2:width + 2, channel] = image[:, 0]
        mirror_rim(x[:, 1:-1, 1:], height, width)
        out = F.conv2d(x.permute(0, 3, 1, 2), self.first, self.first_bias,
                       (1, k))
        hidden = F.relu_(out).permute(0, 2, 3, 1)
        hidden = hidden.reshape(batch, height + 2, columns, -1)
        mirror_rim(hidden, height, width)
        return hidden


def _pad(x: Tensor) -> Tensor:
    return F.pad(x, (1, 1, 1, 1), mode='reflect')


class SummedConv(nn.Module):
    """Convolution of several padded maps, as if they were joined; ReLU.

    Args:
        conv (nn.Conv2d): 3x3 with reflection padding.
        channels (sequence[int]): Of each map.
        act (str): See :class:`FusedConv2d`.
    """

    def __init__(self, conv: nn.Conv2d, channels: Sequence[int],
                 act: str = 'relu') -> None:
        super().__init__()
        plain = nn.Conv2d(conv.in_channels, conv.out_channels, 3, conv.stride)
        plain.load_state_dict(conv.state_dict())
        plain.to(conv.weight)
        self.parts = nn.ModuleList(FusedConv2d(plain, act).split(*channels))

    def forward(self, *maps: Tensor) -> Tensor:
        """(B, C_i, H + 2, W + 2) each to (B, C, H, W)."""
        out = None
        for part, x in zip(self.parts, maps, strict=True):
            out = part(x, add=out)
        return out


class PaddedTeacher(nn.Module):
    """MMDRFuse's teacher, each map padded once.

    Args:
        teacher (MMDRFuseTeacher): In eval mode.
    """

    def __init__(self, teacher: nn.Module) -> None:
        super().__init__()
        full = teacher.encoder[0].out_channels
        half = teacher.encoder[2].out_channels
        inputs = ((2, ), (full, ), (full, full), (half, ), (half, half),
                  (half, half, half))
        self.encoder = nn.ModuleList(
            SummedConv(conv, channels)
            for conv, channels in zip(teacher.encoder, inputs, strict=True))
        inputs = ((half, ), *[(half, half)] * 3, (full, half))
        self.decoder = nn.ModuleList(
            SummedConv(conv, channels)
            for conv, channels in zip(teacher.decoder, inputs, strict=True))
        self.buffer = SummedConv(teacher.buffer, (full, full))
        self.out = SummedConv(teacher.out, (teacher.out.in_channels, ), 'none')

    def forward(self, vis_luma: Tensor,
                ir: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """See ``MMDRFuseTeacher.fuse_luma``."""
        e1 = _pad(self.encoder[0](_pad(torch.cat((ir, vis_luma), 1))))
        e2 = _pad(self.encoder[1](e1))
        e3 = _pad(self.encoder[2](e1, e2))
        e4 = _pad(self.encoder[3](e3))
        e5 = _pad(self.encoder[4](e3, e4))
        d6 = _pad(self.decoder[0](_pad(self.encoder[5](e3, e4, e5))))
        d5 = _pad(self.decoder[1](e5, d6))
        d4 = _pad(self.decoder[2](e4, d5))
        d3 = self.decoder[3](e3, d4)
        up = _pad(F.interpolate(d3, scale_factor=2, mode='bicubic'))
        d2 = _pad(self.decoder[4](e2, up))
        buffer = self.buffer(e1, d2)
        return torch.tanh_(self.out(_pad(buffer))), dict(buffer=buffer)


@FAST_FORMS.register_module(name='MMDRFuseStudent')
def fast_student(fuser: nn.Module) -> None:
    """Hand ``fuse_luma`` over to :class:`ColumnStudent`."""
    fuser.fast = ColumnStudent(fuser.hidden, fuser.out)
    fuser.fuse_luma = fuser.fast.__call__
    del fuser.hidden, fuser.out


@FAST_FORMS.register_module(name='MMDRFuseTeacher')
def fast_teacher(fuser: nn.Module) -> None:
    """Hand ``fuse_luma`` over to :class:`PaddedTeacher`."""
    fuser.fast = PaddedTeacher(fuser)
    fuser.fuse_luma = fuser.fast.__call__
    del fuser.encoder, fuser.decoder, fuser.buffer, fuser.out
