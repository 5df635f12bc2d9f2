"""Convolutions for inference: BatchNorm folded, activation fused."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmfusion.utils.torch_features import autocasts_cpu, is_compiling

from .fold import fold_norms, is_basic_block

#: activation -> (oneDNN's name, its scalars, its algorithm, PyTorch's
#: function, in place where there is one)
_ACTS = {
    'none': ('none', [], '', lambda x: x),
    'relu': ('relu', [], '', F.relu_),
    'relu6': ('hardtanh', [0., 6.], '', lambda x: x.clamp_(0, 6)),
    'sigmoid': ('sigmoid', [], '', torch.sigmoid_),
    'gelu': ('gelu', [], 'none', F.gelu),
}
_ACT_LAYERS = {nn.ReLU: 'relu', nn.ReLU6: 'relu6', nn.Sigmoid: 'sigmoid'}


def _has_fused_kernels() -> bool:
    """Whether PyTorch has oneDNN's convolution with post-operations.

    These are the operators that ``torch.compile`` emits on a CPU; called
    directly, they need neither a compiler nor fixed image sizes.
    """
    ops = torch.ops.mkldnn
    return (torch.backends.mkldnn.is_available()
            and hasattr(ops, '_convolution_pointwise')
            and hasattr(ops, '_convolution_pointwise_')
            and hasattr(ops._convolution_pointwise_, 'binary'))


_FUSED_KERNELS = _has_fused_kernels()


def is_plain(*tensors: Tensor) -> bool:
    """Whether kernels of the CPU may be called, and maps be overwritten.

    That is float32 on a CPU, without gradients, autocast or a compiler.
    """
    return (all(x.device.type == 'cpu' and x.dtype == torch.float32
                for x in tensors) and not autocasts_cpu()
            and not (torch.is_grad_enabled() and any(x.requires_grad
                                                     for x in tensors))
            and not is_compiling())


class FusedConv2d(nn.Module):
    """Convolution, sum with another map, and activation in one kernel.

    Works in channels-last memory format. Where PyTorch has no fused kernel
    (other devices, autocast, gradients) it computes the same in steps.

    Args:
        conv (nn.Conv2d): Convolution with zero padding.
        act (str): ``'none'``, ``'relu'``, ``'relu6'``, ``'sigmoid'`` or
            ``'gelu'`` (exact).
    """

    def __init__(self, conv: nn.Conv2d, act: str = 'none') -> None:
        super().__init__()
        if conv.padding_mode != 'zeros' or isinstance(conv.padding, str):
            raise ValueError('Expected a convolution with zero padding given '
                             f'in pixels, got {conv}.')
        bias = conv.bias
        if bias is None:
            bias = conv.weight.new_zeros(conv.out_channels)
        weight = conv.weight.detach()
        # one channel is laid out the same in both memory formats, and
        # oneDNN then picks the slow one: add a channel that counts nothing
        self.widened = conv.in_channels == 1
        if self.widened:
            weight = torch.cat((weight, torch.zeros_like(weight)), dim=1)
        self.weight = nn.Parameter(
            weight.contiguous(memory_format=torch.channels_last),
            requires_grad=False)
        self.bias = nn.Parameter(bias.detach().clone(), requires_grad=False)
        self.stride = list(conv.stride)
        self.padding = list(conv.padding)
        self.dilation = list(conv.dilation)
        self.groups = conv.groups
        self.act = act

    def forward(self, x: Tensor, add: Tensor | None = None) -> Tensor:
        """Convolve.

        Args:
            x (Tensor): (B, C, H, W).
            add (Tensor, optional): Summand of the output's shape, which is
                overwritten by the result.

        Returns:
            Tensor: ``act(conv(x) + add)``.
        """
        if self.widened:
            x = x.expand(-1, 2, -1, -1)
        x = x.contiguous(memory_format=torch.channels_last)
        if not (_FUSED_KERNELS and is_plain(x, self.weight)):
            out = F.conv2d(x, self.weight, self.bias, self.stride,
                           self.padding, self.dilation, self.groups)
            return _ACTS[self.act][3](out if add is None else out.add_(add))
        geometry = (self.padding, self.stride, self.dilation, self.groups)
        name, scalars, algorithm, function = _ACTS[self.act]
        if add is None:
            return torch.ops.mkldnn._convolution_pointwise(
                x, self.weight, self.bias, *geometry, name, scalars, algorithm)
        name = 'relu' if self.act == 'relu' else None
        out = torch.ops.mkldnn._convolution_pointwise_.binary(
            add.contiguous(memory_format=torch.channels_last), x, self.weight,
            self.bias, *geometry, 'add', 1.0, name, [], None)
        # oneDNN follows a sum by no other activation than ReLU
        return out if name else function(out)

    def split(self, *channels: int) -> list['FusedConv2d']:
        """Convolutions of parts of the input, whose sum is this one.

        All but the last lack the activation; the first has the bias.

        Args:
            channels (int): Input channels of each part.
        """
        if self.groups != 1 or sum(channels) != self.weight.shape[1]:
            raise ValueError(
                f'Expected parts of {self.weight.shape[1]} channels of an '
                f'ungrouped convolution, got {channels}, groups='
                f'{self.groups}.')
        parts = []
        for i, weight in enumerate(self.weight.split(channels, dim=1)):
            conv = nn.Conv2d(weight.shape[1], weight.shape[0],
                             weight.shape[2:], self.stride, self.padding,
                             self.dilation, bias=i == 0)
            conv.weight.data = weight
            if i == 0:
                conv.bias.data = self.bias
            parts.append(
                FusedConv2d(conv,
                            self.act if i == len(channels) - 1 else 'none'))
        return parts


class FusedBasicBlock(nn.Module):
    """Basic block of a ResNet, whose BatchNorm layers are folded."""

    def __init__(self, block: nn.Module) -> None:
        super().__init__()
        self.conv1 = FusedConv2d(block.conv1, 'relu')
        self.conv2 = FusedConv2d(block.conv2, 'relu')
        self.downsample = block.downsample and _fuse(block.downsample)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) to (B, C', H', W')."""
        shortcut = x.clone() if self.downsample is None else self.downsample(x)
        return self.conv2(self.conv1(x), add=shortcut)


def fuse_layers(module: nn.Module) -> nn.Module:
    """Replace convolutions by :class:`FusedConv2d`, everywhere inside.

    In every ``nn.Sequential``, BatchNorm layers and an activation that
    follow a convolution disappear in it. Basic blocks of mmseg become
    :class:`FusedBasicBlock`.

    Args:
        module (nn.Module): In eval mode; changed in place.

    Returns:
        nn.Module: ``module``, or its replacement where it is a convolution
        or a basic block itself.
    """
    fold_norms(module)
    return _fuse(module)


def _fuse(module: nn.Module) -> nn.Module:
    if is_basic_block(module):
        return FusedBasicBlock(module)
    if isinstance(module, nn.Conv2d):
        return FusedConv2d(module)
    if not isinstance(module, nn.Sequential):
        for name, child in module.named_children():
            setattr(module, name, _fuse(child))
        return module
    layers: list[nn.Module] = []
    for layer in module:
        act = _ACT_LAYERS.get(type(layer))
        last = layers[-1] if layers else None
        if act and isinstance(last, FusedConv2d) and last.act == 'none':
            last.act = act
        elif type(layer) is not nn.Identity:
            layers.append(_fuse(layer))
    module._modules.clear()
    for i, layer in enumerate(layers):
        module.add_module(str(i), layer)
    return module
