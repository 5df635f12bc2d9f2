"""FILM (ICML 2024), written down without any tricks.

State-dict keys are the authors': branch A reads the infrared image, branch
B the visible one, whose attention is named ``cross_attentionA2``.
"""
import torch
import torch.nn.functional as F
from torch import Tensor, nn


class PixelNorm(nn.Module):
    """LayerNorm over the channels of every pixel."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.body = nn.Module()
        self.body.weight = nn.Parameter(torch.ones(channels))
        self.body.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        x = x.permute(0, 2, 3, 1)
        mean = x.mean(-1, keepdim=True)
        variance = x.var(-1, keepdim=True, unbiased=False)
        x = (x - mean) / torch.sqrt(variance + 1e-5)
        return (x * self.body.weight + self.body.bias).permute(0, 3, 1, 2)


class TransposedAttention(nn.Module):
    """Attention between the channels of eight heads."""

    def __init__(self, channels: int, heads: int = 8) -> None:
        super().__init__()
        self.heads = heads
        self.temperature = nn.Parameter(torch.ones(heads, 1, 1))
        self.qkv = nn.Conv2d(channels, 3 * channels, 1, bias=False)
        self.qkv_dwconv = nn.Conv2d(3 * channels, 3 * channels, 3, padding=1,
                                    groups=3 * channels, bias=False)
        self.project_out = nn.Conv2d(channels, channels, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        b, c, h, w = x.shape
        q, k, v = (part.reshape(b, self.heads, c // self.heads, h * w)
                   for part in self.qkv_dwconv(self.qkv(x)).chunk(3, dim=1))
        q, k = F.normalize(q, dim=-1), F.normalize(k, dim=-1)
        weights = (q @ k.transpose(-2, -1) * self.temperature).softmax(dim=-1)
        return self.project_out((weights @ v).reshape(b, c, h, w))


class GatedForward(nn.Module):
    """Expansion by four, gated by a GELU."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        wide = 8 * channels
        self.project_in = nn.Conv2d(channels, wide, 1, bias=False)
        self.dwconv = nn.Conv2d(wide, wide, 3, padding=1, groups=wide,
                                bias=False)
        self.project_out = nn.Conv2d(wide // 2, channels, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        first, second = self.dwconv(self.project_in(x)).chunk(2, dim=1)
        return self.project_out(F.gelu(first) * second)


class Restormer(nn.Module):
    """Two residual branches: attention, gated forward."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm1 = PixelNorm(channels)
        self.attn = TransposedAttention(channels)
        self.norm2 = PixelNorm(channels)
        self.ffn = GatedForward(channels)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attn(self.norm1(x))
        return x + self.ffn(self.norm2(x))


class TextAttention(nn.Module):
    """The text looks at the tokens of the image."""

    def __init__(self) -> None:
        super().__init__()
        self.multihead_attn = nn.MultiheadAttention(256, 8, batch_first=True)

    def forward(self, text: Tensor, tokens: Tensor) -> Tensor:
        return self.multihead_attn(text, tokens, tokens)[0]


class Pointwise(nn.Module):
    """A 1x1 convolution under the authors' name ``conv``."""

    def __init__(self, conv: nn.Module) -> None:
        super().__init__()
        self.conv = conv

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(x)


class Stage(nn.Module):
    """Both branches of one stage."""
    grid = (288, 384)

    def __init__(self, inputs: int) -> None:
        super().__init__()
        for x, number in (('A', 1), ('B', 2)):
            layers = {
                f'conv{x}1': nn.Conv2d(inputs, 32, 3, padding=1, bias=False),
                f'prelu{x}1': nn.PReLU(),
                f'restormer{x}1': Restormer(32),
                f'imagef2textf{x}1': Pointwise(nn.Conv2d(32, 32, 1)),
                f'cross_attentionA{number}': TextAttention(),
                f'conv{x}2': nn.Conv2d(32, 32, 1),
                f'prelu{x}2': nn.PReLU(),
                f'conv{x}3': nn.Conv2d(64, 32, 1),
                f'prelu{x}3': nn.PReLU(),
            }
            for name, layer in layers.items():
                self.add_module(name, layer)

    def branch(self, name: str, x: Tensor, text: Tensor) -> Tensor:
        layer = self.get_submodule
        number = 1 if name == 'A' else 2
        size = x.shape[-2:]
        feature = layer(f'prelu{name}1')(layer(f'conv{name}1')(x))
        feature = layer(f'restormer{name}1')(feature)
        tokens = layer(f'imagef2textf{name}1')(feature)
        tokens = F.interpolate(tokens, self.grid).reshape(len(x), -1, 256)
        gate = layer(f'cross_attentionA{number}')(text, tokens)
        gate = F.normalize(gate.mean(dim=1, keepdim=True), p=1, dim=-1)
        gated = (tokens * gate).reshape(len(x), 32, *self.grid)
        gated = layer(f'conv{name}2')(F.interpolate(gated, size))
        gated = layer(f'prelu{name}2')(gated) + feature
        both = torch.cat((feature, gated), dim=1)
        return layer(f'prelu{name}3')(layer(f'conv{name}3')(both))

    def forward(self, a: Tensor, b: Tensor, text: Tensor) -> tuple:
        return self.branch('A', a, text), self.branch('B', b, text)


class NaiveFILM(nn.Module):
    """``forward(ir, vis_luma, text)`` gives the fused luminance.

    Images are (B, 1, H, W), the text is (B, L, 768).
    """

    def __init__(self) -> None:
        super().__init__()
        self.text_process = Pointwise(nn.Conv1d(768, 256, 1))
        self.restormerca1 = Stage(1)
        self.restormerca2 = Stage(32)
        self.restormerca3 = Stage(32)
        self.restormer1 = Restormer(64)
        self.conv1 = nn.Conv2d(64, 32, 1)
        self.restormer2 = Restormer(32)
        self.restormer3 = Restormer(32)
        self.conv2 = nn.Conv2d(32, 1, 1)

    def forward(self, ir: Tensor, vis_luma: Tensor, text: Tensor) -> Tensor:
        text = self.text_process(text.transpose(1, 2)).transpose(1, 2)
        a, b = ir, vis_luma
        for stage in (self.restormerca1, self.restormerca2, self.restormerca3):
            a, b = stage(a, b, text)
        x = self.conv1(self.restormer1(torch.cat((a, b), dim=1)))
        return torch.sigmoid(self.conv2(self.restormer3(self.restormer2(x))))
