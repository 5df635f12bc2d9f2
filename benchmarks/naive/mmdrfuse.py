"""MMDRFuse (ACM MM 2024), written down without any tricks.

State-dict keys are the authors'.
"""
import torch
import torch.nn.functional as F
from torch import Tensor, nn


def conv(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    """Reflection padding and a 3x3 convolution."""
    return nn.Sequential(nn.ReflectionPad2d(1),
                         nn.Conv2d(inputs, outputs, 3, stride))


class NaiveMMDRFuseStudent(nn.Module):
    """``forward(vis_luma, ir)`` gives the fused luminance, (B, 1, H, W)."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = conv(2, 4)
        self.conv2 = conv(4, 1)

    def forward(self, vis_luma: Tensor, ir: Tensor) -> Tensor:
        hidden = F.relu(self.conv1(torch.cat((ir, vis_luma), 1)))
        return torch.tanh(self.conv2(hidden))


class NaiveMMDRFuseTeacher(nn.Module):
    """As the student; sides must be even."""

    def __init__(self) -> None:
        super().__init__()
        for name, inputs, outputs, stride in (('1', 2, 32,
                                               1), ('2', 32, 32,
                                                    1), ('3', 64, 64,
                                                         2), ('4', 64, 64, 1),
                                              ('5', 128, 64,
                                               1), ('6', 192, 64,
                                                    1), ('66', 64, 64, 1),
                                              ('55', 128, 64,
                                               1), ('44', 128, 64,
                                                    1), ('33', 128, 64,
                                                         1), ('22', 96, 32, 1),
                                              ('11', 64, 4, 1), ('00', 4, 1,
                                                                 1)):
            setattr(self, f'conv{name}', conv(inputs, outputs, stride))

    def layer(self, name: str, *maps: Tensor) -> Tensor:
        return F.relu(getattr(self, f'conv{name}')(torch.cat(maps, 1)))

    def forward(self, vis_luma: Tensor, ir: Tensor) -> Tensor:
        e1 = self.layer('1', ir, vis_luma)
        e2 = self.layer('2', e1)
        e3 = self.layer('3', e1, e2)
        e4 = self.layer('4', e3)
        e5 = self.layer('5', e3, e4)
        e6 = self.layer('6', e3, e4, e5)
        d5 = self.layer('55', e5, self.layer('66', e6))
        d3 = self.layer('33', e3, self.layer('44', e4, d5))
        up = F.interpolate(d3, scale_factor=2, mode='bicubic')
        buffer = self.layer('11', e1, self.layer('22', e2, up))
        return torch.tanh(self.conv00(buffer))
