"""Putting BatchNorm layers into the convolutions before them."""
import sys
from collections.abc import Iterable

from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

Pairs = Iterable[tuple[nn.Conv2d, nn.Module]]


def is_basic_block(module: nn.Module) -> bool:
    """Whether a module is mmseg's basic block of a ResNet.

    None is where nobody has imported mmseg's models, which takes seconds.
    """
    resnet = sys.modules.get('mmseg.models.backbones.resnet')
    return resnet is not None and isinstance(module, resnet.BasicBlock)


def fold_pairs(model: nn.Module, pairs: Pairs) -> None:
    """Fold BatchNorm layers into convolutions, in place.

    Args:
        model (nn.Module): In eval mode; the layers become ``nn.Identity``.
        pairs (iterable[tuple]): Convolution, and a BatchNorm that alone
            reads its result. Several of one convolution follow each other.
    """
    norms = set()
    for conv, norm in pairs:
        folded = fuse_conv_bn_eval(conv, norm)
        conv.weight, conv.bias = folded.weight, folded.bias
        norms.add(norm)
    for parent in list(model.modules()):
        for name, child in parent._modules.items():
            if child in norms:
                parent._modules[name] = nn.Identity()


def fold_norms(model: nn.Module) -> None:
    """Fold what follows a convolution in a sequence or ResNet block.

    Args:
        model (nn.Module): In eval mode; changed in place.
    """
    pairs = []
    for module in model.modules():
        layers: list[nn.Module] = []
        if isinstance(module, nn.Sequential):
            layers = list(module)
        elif is_basic_block(module):
            layers = [module.conv1, module.norm1, module.conv2, module.norm2]
        conv = None
        for layer in layers:
            # their subclasses, as timm's, may do more
            if type(layer) is nn.BatchNorm2d and conv is not None:
                pairs.append((conv, layer))
            else:
                conv = layer if type(layer) is nn.Conv2d else None
    fold_pairs(model, pairs)
