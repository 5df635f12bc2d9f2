"""U-Net of unconditional image diffusion (ADM).

Source: Dhariwal & Nichol, NeurIPS 2021, arXiv 2105.05233. State-dict keys
are those of OpenAI's guided-diffusion (MIT), so that its file
``256x256_diffusion_uncond.pt`` loads.
"""
import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmfusion.registry import MODELS
from mmfusion.utils.checkpoint import (check_state_dict, find_state_dict,
                                       read_checkpoint)


def timestep_embedding(steps: Tensor, channels: int) -> Tensor:
    """Cosines and sines of the step, (B, ) to (B, channels)."""
    half = channels // 2
    rates = torch.exp(
        -math.log(10000) *
        torch.arange(half, dtype=torch.float32, device=steps.device) / half)
    angles = steps[:, None].float() * rates
    return torch.cat((angles.cos(), angles.sin()), 1)


class _ResBlock(nn.Module):
    """Two convolutions, modulated by the step; may halve or double."""

    def __init__(self, in_channels: int, out_channels: int, embed: int,
                 resample: str | None = None) -> None:
        super().__init__()
        self.resample = resample
        self.in_layers = nn.Sequential(
            nn.GroupNorm(32, in_channels), nn.SiLU(),
            nn.Conv2d(in_channels, out_channels, 3, padding=1))
        self.emb_layers = nn.Sequential(nn.SiLU(),
                                        nn.Linear(embed, 2 * out_channels))
        self.out_layers = nn.Sequential(
            nn.GroupNorm(32, out_channels), nn.SiLU(), nn.Identity(),
            nn.Conv2d(out_channels, out_channels, 3, padding=1))
        self.skip_connection = (nn.Identity() if in_channels == out_channels
                                else nn.Conv2d(in_channels, out_channels, 1))

    def _resize(self, x: Tensor) -> Tensor:
        if self.resample == 'down':
            return F.avg_pool2d(x, 2)
        if self.resample == 'up':
            return F.interpolate(x, scale_factor=2, mode='nearest')
        return x

    def forward(self, x: Tensor, embed: Tensor) -> Tensor:
        norm, act, conv = self.in_layers
        h = conv(self._resize(act(norm(x))))
        scale, shift = self.emb_layers(embed)[:, :, None, None].chunk(2, 1)
        norm, *rest = self.out_layers
        h = norm(h) * (1 + scale) + shift
        for layer in rest:
            h = layer(h)
        return self.skip_connection(self._resize(x)) + h


class _Attention(nn.Module):
    """Self-attention over all pixels."""

    def __init__(self, channels: int, head_channels: int) -> None:
        super().__init__()
        self.heads = max(1, channels // head_channels)
        self.norm = nn.GroupNorm(32, channels)
        self.qkv = nn.Conv1d(channels, 3 * channels, 1)
        self.proj_out = nn.Conv1d(channels, channels, 1)

    def forward(self, x: Tensor, embed: Tensor) -> Tensor:
        batch, channels = x.shape[:2]
        flat = x.flatten(2)
        # of each head: query, key and value
        parts = self.qkv(self.norm(flat)).reshape(batch, self.heads, 3,
                                                  channels // self.heads, -1)
        query, key, value = parts.transpose(3, 4).unbind(2)
        out = F.scaled_dot_product_attention(query, key, value)
        out = out.transpose(2, 3).reshape(batch, channels, -1)
        return (flat + self.proj_out(out)).reshape(x.shape)


class _Convolution(nn.Conv2d):
    """A convolution that ignores the step."""

    def forward(self, x: Tensor, embed: Tensor) -> Tensor:
        return super().forward(x)


class _Block(nn.Sequential):
    """Layers that see the step."""

    def forward(self, x: Tensor, embed: Tensor) -> Tensor:
        for layer in self:
            x = layer(x, embed)
        return x


@MODELS.register_module()
class ADMUNet(nn.Module):
    """Denoiser ``(x_t, t) -> noise (and variance)``.

    The defaults are the 256x256 model without classes: 552.8 M parameters.

    Args:
        channels (int): Base width, a multiple of 32.
        multipliers (sequence[int]): Width of each level in base widths.
        num_blocks (int): Residual blocks a level.
        attention (sequence[int]): Downsampling factors with attention
            (8, 16, 32: at 32, 16 and 8 pixels of 256).
        head_channels (int): Channels of an attention head.
        image_channels (int): 3, or 1 for grey priors.
        learn_sigma (bool): Whether there are as many outputs more, for the
            variance.
        checkpoint (str, optional): State dict of the same layout.

    Raises:
        ValueError: If the checkpoint does not fit.
        FileNotFoundError: If there is no such file.
    """

    def __init__(self, channels: int = 256,
                 multipliers: Sequence[int] = (1, 1, 2, 2, 4, 4),
                 num_blocks: int = 2, attention: Sequence[int] = (8, 16, 32),
                 head_channels: int = 64, image_channels: int = 3,
                 learn_sigma: bool = True,
                 checkpoint: str | None = None) -> None:
        super().__init__()
        self.channels = channels
        self.image_channels = image_channels
        embed = 4 * channels
        self.time_embed = nn.Sequential(nn.Linear(channels, embed), nn.SiLU(),
                                        nn.Linear(embed, embed))

        def stage(in_channels: int, width: int, factor: int) -> list:
            layers = [_ResBlock(in_channels, width, embed)]
            if factor in attention:
                layers.append(_Attention(width, head_channels))
            return layers

        width, factor = channels * multipliers[0], 1
        blocks = [_Block(_Convolution(image_channels, width, 3, padding=1))]
        widths = [width]
        last = len(multipliers) - 1
        for level, multiplier in enumerate(multipliers):
            for _ in range(num_blocks):
                layers = stage(width, channels * multiplier, factor)
                width = channels * multiplier
                blocks.append(_Block(*layers))
                widths.append(width)
            if level < last:
                blocks.append(_Block(_ResBlock(width, width, embed, 'down')))
                widths.append(width)
                factor *= 2
        self.input_blocks = nn.ModuleList(blocks)
        self.middle_block = _Block(_ResBlock(width, width, embed),
                                   _Attention(width, head_channels),
                                   _ResBlock(width, width, embed))
        blocks = []
        for level, multiplier in reversed(list(enumerate(multipliers))):
            for index in range(num_blocks + 1):
                layers = stage(width + widths.pop(), channels * multiplier,
                               factor)
                width = channels * multiplier
                if level and index == num_blocks:
                    layers.append(_ResBlock(width, width, embed, 'up'))
                    factor //= 2
                blocks.append(_Block(*layers))
        self.output_blocks = nn.ModuleList(blocks)
        self.out = nn.Sequential(
            nn.GroupNorm(32, width), nn.SiLU(),
            nn.Conv2d(width, image_channels * (2 if learn_sigma else 1), 3,
                      padding=1))
        #: sides have to be multiples of it
        self.size_divisor = 2**last
        if checkpoint is not None:
            state = find_state_dict(read_checkpoint(checkpoint))
            check_state_dict(
                state, self.state_dict(),
                f'Check that {checkpoint!r} is of a model of these widths.')
            self.load_state_dict(state)

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        """Noise in an image.

        Args:
            x (Tensor): (B, C, H, W), sides multiples of ``size_divisor``.
            t (Tensor): Steps of the training's schedule, (B, ) long.

        Returns:
            Tensor: (B, C or 2 C, H, W).
        """
        embed = self.time_embed(
            timestep_embedding(t, self.channels).to(x.dtype))
        skips = []
        for block in self.input_blocks:
            x = block(x, embed)
            skips.append(x)
        x = self.middle_block(x, embed)
        for block in self.output_blocks:
            x = block(torch.cat((x, skips.pop()), 1), embed)
        return self.out(x)
