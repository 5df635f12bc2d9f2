"""TransFuser6 (BFFR, arXiv 2211.12286), written down without any tricks.

State-dict keys are the authors', less the 16 BatchNorm layers that their
network owns but never calls.
"""
import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Conv(nn.Module):
    """A convolution under the authors' name ``conv2d``."""

    def __init__(self, inputs: int, outputs: int, kernel: int) -> None:
        super().__init__()
        self.conv2d = nn.Conv2d(inputs, outputs, kernel)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv2d(x)


class ReflectConv(Conv):
    """Reflection padding, 3x3 convolution, LeakyReLU 0.01."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(inputs, outputs, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = F.pad(x, (1, 1, 1, 1), mode='reflect')
        return F.leaky_relu(self.conv2d(x), 0.01)


class ReflectConvNorm(nn.Module):
    """Reflection padding, 3x3 convolution, BatchNorm, ReLU."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv2d = nn.Conv2d(channels, channels, 3)
        self.batch_norm = nn.BatchNorm2d(channels)

    def forward(self, x: Tensor) -> Tensor:
        x = F.pad(x, (1, 1, 1, 1), mode='reflect')
        return F.relu(self.batch_norm(self.conv2d(x)))


class DenseConv(nn.Module):
    """3x3 convolution that keeps the size, LeakyReLU 0.2."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return F.leaky_relu(self.conv(x), 0.2)


class DenseBlock(nn.Module):
    """Two densely connected convolutions and a 1x1 reduction."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv1 = DenseConv(inputs, inputs)
        self.conv2 = DenseConv(2 * inputs, inputs)
        self.conv_down = nn.Conv2d(3 * inputs, outputs, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.cat((x, self.conv1(x)), dim=1)
        first = x[:, :x.shape[1] // 2]
        second = x[:, x.shape[1] // 2:]
        x = torch.cat((first, second, self.conv2(x)), dim=1)
        return F.leaky_relu(self.conv_down(x), 0.1)


class ChannelAttention(nn.Module):
    """Attention between the channels of one scale."""

    def __init__(self, channels: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.conv_pre = nn.Sequential(ReflectConvNorm(channels),
                                      ReflectConvNorm(channels))
        self.wq1 = nn.Linear(channels, channels, bias=False)
        self.wk1 = nn.Linear(channels, channels, bias=False)
        self.wv1 = nn.Linear(channels, channels, bias=False)
        self.end_proj1 = nn.Linear(channels, channels)
        self.norm1 = nn.LayerNorm(channels)
        self.ffn = nn.Sequential(ReflectConvNorm(channels),
                                 ReflectConvNorm(channels))

    def forward(self, x: Tensor) -> Tensor:
        b, c, h, w = x.shape
        d = c // self.heads
        tokens = self.conv_pre(x).flatten(2).transpose(1, 2)

        def split(values: Tensor) -> Tensor:
            return values.reshape(b, h * w, self.heads, d).transpose(1, 2)

        q = split(self.wq1(tokens))
        k = split(self.wk1(tokens))
        v = split(self.wv1(tokens))
        context = (q.transpose(-2, -1) @ k * d**-0.5).softmax(dim=-2)
        out = (v @ context).transpose(1, 2).reshape(b, h * w, c)
        out = self.norm1(self.end_proj1(out))
        out = out.transpose(1, 2).reshape(b, c, h, w)
        return x + x * self.ffn(out)


class FusionBlock(nn.Module):
    """Mean of the attended infrared and visible features."""

    def __init__(self, channels: int, heads: int) -> None:
        super().__init__()
        self.attn1 = ChannelAttention(channels, heads)
        self.attn2 = ChannelAttention(channels, heads)

    def forward(self, ir: Tensor, vis: Tensor) -> Tensor:
        return (self.attn1(ir) + self.attn2(vis)) / 2


def upsample(reference: Tensor, x: Tensor) -> Tensor:
    """Nearest x2, reflection-padded to the reference's size."""
    x = F.interpolate(x, scale_factor=2, mode='nearest')
    dy = reference.shape[2] - x.shape[2]
    dx = reference.shape[3] - x.shape[3]
    pad = (dx // 2, dx - dx // 2, dy // 2, dy - dy // 2)
    return F.pad(x, pad, mode='reflect') if any(pad) else x


class NaiveTransFuser6(nn.Module):
    """``forward(vis_luma, ir)`` on (B, 1, H, W) gives the fused luminance."""
    stem, channels, heads = 16, (32, 64, 96, 128), (4, 8, 8, 16)

    def __init__(self) -> None:
        super().__init__()
        widths = (self.stem, ) + self.channels
        for modality in ('vi', 'ir'):
            setattr(self, f'conv1_{modality}', Conv(1, self.stem, 1))
            for k in range(4):
                setattr(self, f'DB{k + 1}_{modality}',
                        DenseBlock(widths[k], widths[k + 1]))
        for k in range(4):
            setattr(self, f'fusion_block{k + 1}',
                    FusionBlock(self.channels[k], self.heads[k]))
        c1, c2, c3, c4 = self.channels
        self.DB1_1 = ReflectConv(c1 + c2, c1)
        self.DB2_1 = ReflectConv(c2 + c3, c2)
        self.DB3_1 = ReflectConv(c3 + c4, c3)
        self.DB1_2 = ReflectConv(2 * c1 + c2, c1)
        self.DB2_2 = ReflectConv(2 * c2 + c3, c2)
        self.DB1_3 = ReflectConv(3 * c1 + c2, c1)
        self.conv_out = Conv(c1, 1, 1)

    def encode(self, x: Tensor, modality: str) -> list:
        x = getattr(self, f'conv1_{modality}')(x)
        features = []
        for k in range(4):
            if k:
                x = F.max_pool2d(x, 2)
            x = getattr(self, f'DB{k + 1}_{modality}')(x)
            features.append(x)
        return features

    def forward(self, vis_luma: Tensor, ir: Tensor) -> Tensor:
        vis_features = self.encode(vis_luma, 'vi')
        ir_features = self.encode(ir, 'ir')
        f1, f2, f3, f4 = (getattr(self,
                                  f'fusion_block{k + 1}')(ir_features[k],
                                                          vis_features[k])
                          for k in range(4))
        x11 = self.DB1_1(torch.cat((f1, upsample(f1, f2)), dim=1))
        x21 = self.DB2_1(torch.cat((f2, upsample(f2, f3)), dim=1))
        x12 = self.DB1_2(torch.cat((f1, x11, upsample(f1, x21)), dim=1))
        x31 = self.DB3_1(torch.cat((f3, upsample(f3, f4)), dim=1))
        x22 = self.DB2_2(torch.cat((f2, x21, upsample(f2, x31)), dim=1))
        x13 = self.DB1_3(torch.cat((f1, x11, x12, upsample(f1, x22)), dim=1))
        return torch.tanh(self.conv_out(x13)) / 2 + 0.5
