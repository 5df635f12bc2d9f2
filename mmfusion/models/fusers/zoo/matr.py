"""MATR: context-gated convolutions and pixel-wise transformers.

Paper: Tang et al., "MATR: Multimodal Medical Image Fusion via Multiscale
Adaptive Transformer", IEEE TIP 31, 2022, pp. 5134-5149. Origin:
github.com/tthinking/MATR.

Differs from the authors' network in this: images need not be square;
layers that are never called and position biases of windows of one token
are left out.
"""
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmfusion.registry import MODELS
from mmfusion.utils.torch_features import is_exporting

from ..base import BaseFuser
from .layers import PixelTransformer


class ContextGatedConv(nn.Module):
    """3x3 convolution, BatchNorm, ReLU; gates on the kernel of each image.

    Source: Lin et al., "Context-Gated Convolution", ECCV 2020.

    Args:
        in_channels (int): Channels of the input.
        out_channels (int): Channels of the output.
        latent (int): Numbers that a channel's context is reduced to.
    """

    def __init__(self, in_channels: int, out_channels: int,
                 latent: int = 5) -> None:
        super().__init__()
        self.weight = nn.Conv2d(in_channels, out_channels, 3).weight
        self.encode = nn.Linear(9, latent, bias=False)
        self.norms = nn.ModuleList(
            nn.BatchNorm1d(size)
            for size in (in_channels, in_channels, out_channels))
        self.interact = nn.Linear(in_channels, out_channels, bias=False)
        self.decode_in = nn.Linear(latent, 9, bias=False)
        self.decode_out = nn.Linear(latent, 9, bias=False)
        self.norm = nn.BatchNorm2d(out_channels)

    def forward(self, x: Tensor) -> Tensor:
        """(B, in, H, W) to (B, out, H, W)."""
        batch, _, height, width = x.shape
        kernels = (self.weight * self.gates(x)).flatten(0, 1)
        out = F.conv2d(x.reshape(1, -1, height, width), kernels, padding=1,
                       groups=batch)
        return F.relu(self.norm(out.view(batch, -1, height, width)))

    def gates(self, x: Tensor) -> Tensor:
        """Factors of the weights, (B, out, in, 3, 3)."""
        context = self.encode(_pool_to_three(x).flatten(2))
        by_input, mixed = (F.relu(norm(context)) for norm in self.norms[:2])
        mixed = self.interact(mixed.transpose(1, 2)).transpose(1, 2)
        by_output = self.decode_out(F.relu(self.norms[2](mixed)))
        by_input = self.decode_in(by_input)
        gates = by_output.unsqueeze(2) + by_input.unsqueeze(1)
        return torch.sigmoid(gates).view(*gates.shape[:3], 3, 3)


def _pool_to_three(x: Tensor) -> Tensor:
    """Means of three by three parts of a map.

    Where a graph is written, by matrices: ONNX pools so only what three
    divides.
    """
    if not (is_exporting() or torch.jit.is_tracing()):
        return F.adaptive_avg_pool2d(x, 3)
    part = torch.arange(3, device=x.device).unsqueeze(1)
    means = []
    for size in x.shape[-2:]:
        place = torch.arange(size, device=x.device)
        inside = (place >= part * size // 3) & (place * 3 < (part + 1) * size)
        inside = inside.to(x.dtype)
        means.append(inside / inside.sum(1, keepdim=True))
    return means[0] @ x @ means[1].T


@MODELS.register_module()
class MATR(BaseFuser):
    """Fuses luminance, functional and structural; 13,206 parameters.

    The functional image (PET, SPECT, GFP) is ``vis``, the structural one
    (MRI, phase contrast) ``ir``, as in the tasks of mmfusion.

    Args:
        channels (int): Width of all maps.
        depth (int): Transformer blocks.
        scales (int): Depths of convolution whose maps are added.
        kwargs: See :class:`BaseFuser`.
    """

    def __init__(self, channels: int = 16, depth: int = 3, scales: int = 3,
                 **kwargs) -> None:
        super().__init__(**kwargs)
        self.scales = scales
        self.stem = ContextGatedConv(2, channels)
        self.conv = ContextGatedConv(channels, channels)
        self.transformer = PixelTransformer(channels, depth)
        self.out = nn.Conv2d(channels, 1, 1, bias=False)

    def fuse_luma(self, vis_luma: Tensor, ir: Tensor) -> Tensor:
        """Fused luminance (B, 1, H, W) in (-1, 1), hardly below 0."""
        x = self.stem(torch.cat((vis_luma, ir), 1))
        total = 0.
        for _ in range(self.scales):
            x = self.conv(x)
            total = total + self.conv(self.transformer(x))
        return torch.tanh(self.out(total))
