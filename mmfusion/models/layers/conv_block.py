"""Convolution blocks: conv + BatchNorm + activation, FReLU, attention."""

import torch
from torch import Tensor, nn

from .memory import recompute

_ACTIVATIONS = dict(relu=nn.ReLU, relu6=nn.ReLU6)


def conv_norm_act(in_channels: int, out_channels: int, kernel_size: int = 3,
                  stride: int = 1, groups: int = 1, bias: bool = False,
                  norms: int = 1, act: str | None = 'relu') -> nn.Sequential:
    """Convolution that keeps the size (at stride 1), BatchNorm, activation.

    Args:
        in_channels (int): Channels of the input.
        out_channels (int): Channels of the output.
        kernel_size (int): Odd side of the kernel.
        stride (int): Stride of the convolution.
        groups (int): Groups of the convolution.
        bias (bool): Whether the convolution has a bias.
        norms (int): Number of BatchNorm layers in a row.
        act (str, optional): ``'relu'``, ``'relu6'`` or None.

    Returns:
        nn.Sequential: Children ``0`` (convolution), ``1`` ... (BatchNorm),
        then the activation, which works in place.
    """
    layers = [
        nn.Conv2d(in_channels, out_channels, kernel_size, stride=stride,
                  padding=kernel_size // 2, groups=groups, bias=bias)
    ]
    layers += [nn.BatchNorm2d(out_channels) for _ in range(norms)]
    if act is not None:
        layers.append(_ACTIVATIONS[act](inplace=True))
    return nn.Sequential(*layers)


class FReLU(nn.Module):
    """Funnel activation, ``max(x, BN(depthwise conv3(x)))``.

    Source: Ma et al., "Funnel Activation for Visual Recognition", ECCV 2020,
    arXiv 2007.11824, equation 2.

    Args:
        channels (int): Channels of the input.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.funnel = conv_norm_act(channels, channels, groups=channels,
                                    bias=True, act=None)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) to the same shape."""
        return recompute(self, self._activate, x)

    def _activate(self, x: Tensor) -> Tensor:
        funnel = self.funnel(x)
        # as torch.maximum, but keeps one byte a value for the backward pass
        return torch.where(x > funnel, x, funnel)


class GlobalAttention(nn.Sequential):
    """One number a channel from the mean over the image.

    Average pooling, 1x1 convolution, BatchNorm, ReLU, 1x1 convolution,
    BatchNorm; there is no sigmoid.

    Args:
        in_channels (int): Channels of the input.
        mid_channels (int): Channels between the convolutions.
        out_channels (int): Channels of the output.
    """

    def __init__(self, in_channels: int, mid_channels: int,
                 out_channels: int) -> None:
        super().__init__(
            nn.AdaptiveAvgPool2d(1),
            *conv_norm_act(in_channels, mid_channels, 1, bias=True),
            *conv_norm_act(mid_channels, out_channels, 1, bias=True, act=None))

    def forward(self, *parts: Tensor) -> Tensor:
        """Attend to a map that may come in several groups of channels.

        Args:
            parts (Tensor): Maps (B, C_i, H, W), ``in_channels`` in total.

        Returns:
            Tensor: (B, out_channels, 1, 1).

        Raises:
            ValueError: In training with a batch of one: BatchNorm cannot
                normalise a single 1x1 map.
        """
        pool, *layers = self
        pooled = torch.cat([pool(part) for part in parts], dim=1)
        if pooled.shape[0] < 2 and any(
                isinstance(layer, nn.BatchNorm2d) and layer.training
                for layer in layers):
            raise ValueError(
                'Expected a batch of at least two images in training, since '
                'BatchNorm follows a global average, got one. Use '
                'batch_size >= 2 with drop_last=True in the dataloader, or '
                'SyncBatchNorm over several devices.')
        for layer in layers:
            pooled = layer(pooled)
        return pooled
