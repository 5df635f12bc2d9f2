"""Layers of PSFusion's transcription, under the authors' names."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class FReLU(nn.Module):
    """``max(x, BN(depthwise conv(x)))``."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv_frelu = nn.Conv2d(channels, channels, 3, padding=1,
                                    groups=channels)
        self.bn_frelu = nn.BatchNorm2d(channels)

    def forward(self, x: Tensor) -> Tensor:
        return torch.max(x, self.bn_frelu(self.conv_frelu(x)))


class Stem(nn.Module):
    """Two convolutions at full and two at half resolution."""

    def __init__(self, inputs: int, width: int) -> None:
        super().__init__()
        self.SFEB1 = nn.Sequential(nn.Conv2d(inputs, width, 7, padding=3),
                                   nn.BatchNorm2d(width), FReLU(width),
                                   nn.Conv2d(width, width, 3, padding=1),
                                   nn.BatchNorm2d(width), FReLU(width))
        self.SFEB2 = nn.Sequential(
            nn.Conv2d(width, 2 * width, 3, stride=2, padding=1),
            nn.BatchNorm2d(2 * width), FReLU(2 * width),
            nn.Conv2d(2 * width, 2 * width, 3, padding=1))


class Residual(nn.Module):
    """Basic block of a ResNet."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1,
                               bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = None
        if inputs != outputs:
            self.downsample = nn.Sequential(
                nn.Conv2d(inputs, outputs, 1, stride=stride, bias=False),
                nn.BatchNorm2d(outputs))

    def forward(self, x: Tensor) -> Tensor:
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        shortcut = x if self.downsample is None else self.downsample(x)
        return self.relu(out + shortcut)


def stage(inputs: int, outputs: int, depth: int, stride: int) -> nn.Module:
    """Residual blocks, the first with a stride."""
    return nn.Sequential(
        Residual(inputs, outputs, stride),
        *(Residual(outputs, outputs, 1) for _ in range(depth - 1)))


class Basic(nn.Module):
    """3x3 convolution, BatchNorm, ReLU."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.basicconv = nn.Sequential(
            nn.Conv2d(inputs, outputs, 3, padding=1, bias=False),
            nn.BatchNorm2d(outputs), nn.ReLU(inplace=True))

    def forward(self, x: Tensor) -> Tensor:
        return self.basicconv(x)


class ConvNorm(nn.Module):
    """3x3 convolution and BatchNorm."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)
        self.bn = nn.BatchNorm2d(outputs)

    def forward(self, x: Tensor) -> Tensor:
        return self.bn(self.conv(x))


def double_norm(inputs: int, outputs: int) -> nn.Sequential:
    """3x3 convolution, BatchNorm, BatchNorm, ReLU."""
    return nn.Sequential(ConvNorm(inputs, outputs), nn.BatchNorm2d(outputs),
                         nn.ReLU(inplace=True))


class Pointwise(nn.Module):
    """1x1 convolution, BatchNorm, ReLU6."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, 1, bias=False)
        self.bnop = nn.BatchNorm2d(outputs)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu6(self.bnop(self.conv(x)))


def local_attention(channels: int, mid: int) -> nn.Sequential:
    """Two 1x1 convolutions with BatchNorm."""
    return nn.Sequential(nn.Conv2d(channels, mid, 1), nn.BatchNorm2d(mid),
                         nn.ReLU(inplace=True), nn.Conv2d(mid, channels, 1),
                         nn.BatchNorm2d(channels))


def global_attention(channels: int, mid: int) -> nn.Sequential:
    """The same behind a global average."""
    return nn.Sequential(nn.AdaptiveAvgPool2d(1),
                         *local_attention(channels, mid))


class DetailWeights(nn.Module):
    """Recalibrates two maps and weighs them against each other."""

    def __init__(self, c: int) -> None:
        super().__init__()
        self.Recalibrate = global_attention(2 * c, c // 2)
        self.channel_agg = nn.Sequential(nn.Conv2d(2 * c, c, 1),
                                         nn.BatchNorm2d(c),
                                         nn.ReLU(inplace=True))
        self.local_att = local_attention(c, c // 4)
        self.global_att = global_attention(c, c // 4)

    def forward(self, vis: Tensor, ir: Tensor) -> Tensor:
        both = torch.cat((vis, ir), dim=1)
        both = both * torch.sigmoid(self.Recalibrate(both)) + both
        vis, ir = both.chunk(2, dim=1)
        z = self.channel_agg(both)
        w = torch.sigmoid(self.local_att(z) * self.global_att(z))
        return w * vis + (1 - w) * ir


class LowFuse(nn.Module):
    """Superficial detail fusion."""

    def __init__(self, inputs: int, c: int) -> None:
        super().__init__()
        for name in ('RGB', 'Inf'):
            setattr(self, f'{name}obj1_1', Basic(inputs, c))
            setattr(self, f'{name}obj1_2', Basic(c, c))
            setattr(self, f'{name}spr', Basic(c, c))
        self.obj_fuse = DetailWeights(c)

    def forward(self, vis: Tensor, ir: Tensor) -> Tensor:
        vis = self.RGBspr(self.RGBobj1_2(self.RGBobj1_1(vis)))
        ir = self.Infspr(self.Infobj1_2(self.Infobj1_1(ir)))
        return self.obj_fuse(vis, ir)


class Dense(nn.Module):
    """Dense block of the profound fusion."""

    def __init__(self, inputs: int, mid: int, outputs: int) -> None:
        super().__init__()
        self.down = nn.Conv2d(inputs, mid, 1)
        self.denseblock = nn.ModuleList(
            Basic(mid * (i + 1), mid) for i in range(4))
        self.fuse = Basic(inputs + mid, outputs)

    def forward(self, x: Tensor) -> Tensor:
        down = self.down(x)
        outputs: list[Tensor] = []
        for block in self.denseblock:
            outputs.append(block(torch.cat((*outputs, down), dim=1)))
        return self.fuse(torch.cat((x, outputs[-1]), dim=1))


class CrossAttention(nn.Module):
    """Attention with explicit maps between all pixels."""

    def __init__(self, c: int) -> None:
        super().__init__()
        self.gamma1 = nn.Parameter(torch.zeros(1))
        self.gamma2 = nn.Parameter(torch.zeros(1))
        for name in ('RGB_K', 'RGB_V', 'INF_K', 'INF_V'):
            setattr(self, name, Basic(c, c))
        self.Q = Basic(2 * c, c)
        self.Second_reduce = Basic(2 * c, c)

    @staticmethod
    def attend(key: Tensor, query: Tensor, value: Tensor) -> Tensor:
        weights = torch.bmm(key.flatten(2).transpose(1, 2), query.flatten(2))
        weights = weights.softmax(dim=-1)
        out = torch.bmm(value.flatten(2), weights.transpose(1, 2))
        return out.view_as(value)

    def forward(self, vis: Tensor, ir: Tensor) -> Tensor:
        query = self.Q(torch.cat((vis, ir), dim=1))
        vis_out = self.attend(self.RGB_K(vis), query, self.RGB_V(vis))
        ir_out = self.attend(self.INF_K(ir), query, self.INF_V(ir))
        return self.Second_reduce(
            torch.cat((self.gamma1 * vis_out + ir, self.gamma2 * ir_out + vis),
                      dim=1))


class HighFuse(nn.Module):
    """Profound semantic fusion."""

    def __init__(self, inputs: int, c: int) -> None:
        super().__init__()
        self.RGBobj = Dense(inputs, c // 4, c)
        self.Infobj = Dense(inputs, c // 4, c)
        self.obj_fuse = CrossAttention(c)

    def forward(self, vis: Tensor, ir: Tensor) -> Tensor:
        return self.obj_fuse(self.RGBobj(vis), self.Infobj(ir))


class Injection(nn.Module):
    """Semantic injection."""

    def __init__(self, c: int, condition: int) -> None:
        super().__init__()
        self.mlp_shared = nn.Sequential(nn.Conv2d(condition, c, 3, padding=1),
                                        nn.ReLU(inplace=True))
        self.mlp_gamma = nn.Sequential(nn.Conv2d(c, c, 3, padding=1),
                                       nn.Sigmoid())
        self.mlp_beta = nn.Conv2d(c, c, 3, padding=1)
        self.norm = nn.InstanceNorm2d(c)
        self.bn = nn.BatchNorm2d(c)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        condition = F.interpolate(condition, size=x.shape[2:], mode='bilinear')
        shared = self.mlp_shared(condition)
        gamma, beta = self.mlp_gamma(shared), self.mlp_beta(shared)
        return self.bn(self.norm(x) * (1 + gamma)) + beta


class Reconstruction(nn.Module):
    """Dense scene reconstruction."""

    def __init__(self, c: int) -> None:
        super().__init__()
        for i in range(1, 5):
            setattr(self, f'block{i}', double_norm(c * i, c))

    def forward(self, x: Tensor) -> Tensor:
        inputs = [x]
        for i in range(1, 5):
            block = getattr(self, f'block{i}')
            inputs.append(block(torch.cat(inputs, dim=1)))
        return inputs[-1]


class Perception(nn.Module):
    """Sparse semantic perception."""

    def __init__(self, c: int) -> None:
        super().__init__()
        self.block1 = double_norm(4 * c, c)
        self.block2 = double_norm(c, c)
        self.block3 = double_norm(c, c)

    def forward(self, x: Tensor) -> Tensor:
        return self.block3(self.block2(self.block1(x)))
