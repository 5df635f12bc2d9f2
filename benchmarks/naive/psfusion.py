"""PSFusion (Information Fusion 99, 101870), written down without any tricks.

State-dict keys are the authors', less the second boundary head that their
network owns but never calls.
"""
from typing import List, Sequence, Tuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class FReLU(nn.Module):
    """``max(x, BN(depthwise conv(x)))``."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv_frelu = nn.Conv2d(
            channels, channels, 3, padding=1, groups=channels)
        self.bn_frelu = nn.BatchNorm2d(channels)

    def forward(self, x: Tensor) -> Tensor:
        return torch.max(x, self.bn_frelu(self.conv_frelu(x)))


class Stem(nn.Module):
    """Two convolutions at full and two at half resolution."""

    def __init__(self, inputs: int, width: int) -> None:
        super().__init__()
        self.SFEB1 = nn.Sequential(
            nn.Conv2d(inputs, width, 7, padding=3), nn.BatchNorm2d(width),
            FReLU(width), nn.Conv2d(width, width, 3, padding=1),
            nn.BatchNorm2d(width), FReLU(width))
        self.SFEB2 = nn.Sequential(
            nn.Conv2d(width, 2 * width, 3, stride=2, padding=1),
            nn.BatchNorm2d(2 * width), FReLU(2 * width),
            nn.Conv2d(2 * width, 2 * width, 3, padding=1))


class Residual(nn.Module):
    """Basic block of a ResNet."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(
            inputs, outputs, 3, stride=stride, padding=1, bias=False)
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
    return nn.Sequential(
        ConvNorm(inputs, outputs), nn.BatchNorm2d(outputs),
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
    return nn.Sequential(
        nn.Conv2d(channels, mid, 1), nn.BatchNorm2d(mid),
        nn.ReLU(inplace=True), nn.Conv2d(mid, channels, 1),
        nn.BatchNorm2d(channels))


def global_attention(channels: int, mid: int) -> nn.Sequential:
    """The same behind a global average."""
    return nn.Sequential(
        nn.AdaptiveAvgPool2d(1), *local_attention(channels, mid))


class DetailWeights(nn.Module):
    """Recalibrates two maps and weighs them against each other."""

    def __init__(self, c: int) -> None:
        super().__init__()
        self.Recalibrate = global_attention(2 * c, c // 2)
        self.channel_agg = nn.Sequential(
            nn.Conv2d(2 * c, c, 1), nn.BatchNorm2d(c), nn.ReLU(inplace=True))
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
        outputs: List[Tensor] = []
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
        self.mlp_shared = nn.Sequential(
            nn.Conv2d(condition, c, 3, padding=1), nn.ReLU(inplace=True))
        self.mlp_gamma = nn.Sequential(
            nn.Conv2d(c, c, 3, padding=1), nn.Sigmoid())
        self.mlp_beta = nn.Conv2d(c, c, 3, padding=1)
        self.norm = nn.InstanceNorm2d(c)
        self.bn = nn.BatchNorm2d(c)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        condition = F.interpolate(
            condition, size=x.shape[2:], mode='bilinear')
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


def up(x: Tensor, factor: int) -> Tensor:
    """Bilinear up-sampling with aligned corners."""
    return F.interpolate(
        x, scale_factor=factor, mode='bilinear', align_corners=True)


class Classifier(nn.Module):
    """Sparse semantic prediction."""

    def __init__(self, c: int, num_classes: int) -> None:
        super().__init__()
        self.binary_conv1 = Pointwise(c, c // 4)
        self.binary_conv2 = nn.Conv2d(c // 4, 2, 3, padding=1)
        self.semantic_conv1 = Pointwise(c, c)
        self.semantic_conv2 = nn.Conv2d(c, num_classes, 3, padding=1)
        self.boundary_conv = nn.Sequential(
            nn.Conv2d(2 * c, c, 1), nn.BatchNorm2d(c), nn.ReLU6(inplace=True),
            nn.Conv2d(c, 2, 3, padding=1))

    def forward(self, x: Tensor) -> Tuple[Tensor, Tensor, Tensor]:
        binary = self.binary_conv2(self.binary_conv1(x))
        exp = torch.exp(binary)
        gate = exp[:, 1:] / exp.sum(dim=1, keepdim=True)
        q = self.semantic_conv1(up(x * gate, 2))
        semantic = self.semantic_conv2(q)
        boundary = self.boundary_conv(torch.cat((q, up(x, 2)), dim=1))
        return up(semantic, 2), up(binary, 4), up(boundary, 2)


class Image(nn.Module):
    """One convolution to an image."""

    def __init__(self, c: int) -> None:
        super().__init__()
        self.conv_block = nn.Sequential(nn.Conv2d(c, 1, 3, padding=1))

    def forward(self, x: Tensor) -> Tensor:
        return (torch.tanh(self.conv_block(x)) + 1) / 2


class Mask(nn.Module):
    """Local and global attention, then BatchNorm."""

    def __init__(self, c: int) -> None:
        super().__init__()
        layers: List[nn.Module] = []
        for _ in range(3):
            layers += [
                nn.Conv2d(c, c, 3, padding=1, groups=c), nn.BatchNorm2d(c),
                nn.ReLU(inplace=True)
            ]
        self.local_att = nn.Sequential(*layers[:-1])
        self.global_att = global_attention(c, c // 4)
        self.conv_block = nn.BatchNorm2d(c)

    def forward(self, x: Tensor) -> Tensor:
        mask = torch.sigmoid(self.local_att(x) * self.global_att(x))
        return self.conv_block(mask * x)


class FidelityImage(Image):
    """An image behind a mask."""

    def __init__(self, c: int) -> None:
        super().__init__(c)
        self.mask = Mask(c)

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(self.mask(x))


class NaivePSFusion(nn.Module):
    """The network; RGB and infrared in [0, 1] to six maps.

    They are semantic, binary and boundary logits, the fused luminance and
    the two reconstructed luminances. Sides must be multiples of 32.

    Args:
        width (int): Channels at full resolution.
        depths (Sequence[int]): Residual blocks in the stages.
        num_classes (int): Semantic classes.
    """

    def __init__(self,
                 width: int = 32,
                 depths: Sequence[int] = (3, 4, 6, 3),
                 num_classes: int = 9) -> None:
        super().__init__()
        w, c = width, 2 * width
        for name, channels in (('rgb', 3), ('thermal', 1)):
            setattr(self, f'encoder_{name}_conv1', Stem(channels, w))
            setattr(self, f'encoder_{name}_bn1', nn.BatchNorm2d(c))
            inputs = c
            for i, depth in enumerate(depths):
                outputs = c * 2**i
                setattr(self, f'encoder_{name}_layer{i + 3}',
                        stage(inputs, outputs, depth, 2 if i else 1))
                inputs = outputs
        self.low_fuse1 = LowFuse(w, w)
        self.low_fuse2 = LowFuse(c, w)
        self.low_fuse3 = LowFuse(c, c)
        self.high_fuse4 = HighFuse(4 * w, c)
        self.high_fuse5 = HighFuse(8 * w, c)
        self.high_fuse6 = HighFuse(16 * w, c)
        self.SIM1, self.SIM2 = Injection(w, c), Injection(w, w)
        self.SIM3 = Injection(w, c)
        self.to_fused_seg = nn.ModuleList(
            nn.Sequential(nn.Conv2d(c, c, 3, padding=1)) for _ in range(4))
        self.seg_decoder = Perception(c)
        self.rec_decoder = Reconstruction(w)
        self.seg_rec_decoder = Reconstruction(w)
        self.classfier = Classifier(c, num_classes)
        self.pred_fusion = Image(w)
        self.pred_vi = FidelityImage(w)
        self.pred_ir = FidelityImage(w)

    def encode(self, x: Tensor, name: str) -> List[Tensor]:
        stem = getattr(self, f'encoder_{name}_conv1')
        features = [stem.SFEB1(x)]
        x = getattr(self, f'encoder_{name}_bn1')(stem.SFEB2(features[0]))
        features.append(F.relu(x, inplace=True))
        x = F.max_pool2d(features[1], 3, stride=2, padding=1)
        for i in range(3, 7):
            x = getattr(self, f'encoder_{name}_layer{i}')(x)
            features.append(x)
        return features

    def forward(self, vis: Tensor, ir: Tensor) -> Tuple[Tensor, ...]:
        vis = self.encode(vis, 'rgb')
        ir = self.encode(ir, 'thermal')
        f1 = self.low_fuse1(vis[0], ir[0])
        f2 = self.low_fuse2(vis[1], ir[1])
        f3 = self.low_fuse3(vis[2], ir[2])
        f4 = self.high_fuse4(vis[3], ir[3])
        f5 = self.high_fuse5(vis[4], ir[4])
        f6 = self.high_fuse6(vis[5], ir[5])
        scene = self.SIM2(f1, self.SIM1(f2, f3))
        deep = [
            up(self.to_fused_seg[i][0](f), 2**i)
            for i, f in enumerate((f3, f4, f5, f6))
        ]
        s = self.seg_decoder(torch.cat(deep, dim=1))
        semantic, binary, boundary = self.classfier(s)
        scene = self.rec_decoder(scene)
        scene = self.seg_rec_decoder(self.SIM3(scene, s))
        return (semantic, binary, boundary, self.pred_fusion(scene),
                self.pred_vi(scene), self.pred_ir(scene))
