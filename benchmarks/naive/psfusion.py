"""PSFusion (Information Fusion 99, 101870), written down without any tricks.

State-dict keys are the authors', less the second boundary head that their
network owns but never calls.
"""
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .psfusion_layers import (HighFuse, Injection, LowFuse, Perception,
                              Pointwise, Reconstruction, Stem,
                              global_attention, stage)


def up(x: Tensor, factor: int) -> Tensor:
    """Bilinear up-sampling with aligned corners."""
    return F.interpolate(x, scale_factor=factor, mode='bilinear',
                         align_corners=True)


class Classifier(nn.Module):
    """Sparse semantic prediction."""

    def __init__(self, c: int, num_classes: int) -> None:
        super().__init__()
        self.binary_conv1 = Pointwise(c, c // 4)
        self.binary_conv2 = nn.Conv2d(c // 4, 2, 3, padding=1)
        self.semantic_conv1 = Pointwise(c, c)
        self.semantic_conv2 = nn.Conv2d(c, num_classes, 3, padding=1)
        self.boundary_conv = nn.Sequential(nn.Conv2d(2 * c, c, 1),
                                           nn.BatchNorm2d(c),
                                           nn.ReLU6(inplace=True),
                                           nn.Conv2d(c, 2, 3, padding=1))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
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
        layers: list[nn.Module] = []
        for _ in range(3):
            layers += [
                nn.Conv2d(c, c, 3, padding=1, groups=c),
                nn.BatchNorm2d(c),
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

    def __init__(self, width: int = 32, depths: Sequence[int] = (3, 4, 6, 3),
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

    def encode(self, x: Tensor, name: str) -> list[Tensor]:
        stem = getattr(self, f'encoder_{name}_conv1')
        features = [stem.SFEB1(x)]
        x = getattr(self, f'encoder_{name}_bn1')(stem.SFEB2(features[0]))
        features.append(F.relu(x, inplace=True))
        x = F.max_pool2d(features[1], 3, stride=2, padding=1)
        for i in range(3, 7):
            x = getattr(self, f'encoder_{name}_layer{i}')(x)
            features.append(x)
        return features

    def forward(self, vis: Tensor, ir: Tensor) -> tuple[Tensor, ...]:
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
