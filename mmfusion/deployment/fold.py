"""What an exported network does without: BatchNorm, training branches."""
from collections import defaultdict

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from mmfusion.models.fusers.fast.fold import fold_pairs

#: how the field calls "merge your training-time branches into one layer"
_MERGES = ('switch_to_deploy', 'reparameterize')


def reparameterize(model: nn.Module) -> int:
    """Merge the training-time branches of blocks that can, in place.

    Such blocks (RepVGG's and its kin, in mmpretrain, mmyolo, timm) have a
    method ``switch_to_deploy()`` or ``reparameterize()``.

    Args:
        model (nn.Module): In eval mode.

    Returns:
        int: Number of blocks merged.
    """
    merged = 0
    for module in list(model.modules()):
        for name in _MERGES:
            merge = getattr(module, name, None)
            if callable(merge):
                merge()
                merged += 1
                break
    return merged


def fold_batch_norm(model: nn.Module, inputs: dict[str, Tensor],
                    tolerance: float = 1e-4) -> int:
    """Fold BatchNorm layers into the convolutions before them, in place.

    Which convolution feeds which BatchNorm is not guessed from their order
    but seen in a forward pass: a pair is folded if the convolution's result
    reaches that BatchNorm alone and unchanged. The outputs are compared
    afterwards.

    Args:
        model (nn.Module): In eval mode; its output is a tensor or several.
        inputs (dict[str, Tensor]): Keyword inputs.
        tolerance (float): Largest change of an output value.

    Returns:
        int: Number of layers folded.

    Raises:
        RuntimeError: If the outputs change, as they do where something
            reads a convolution's result beside its BatchNorm.
    """
    with torch.no_grad():
        pairs, before = _watch(model, inputs)
        fold_pairs(model, pairs.items())
        after = _tuple(model(**inputs))
    for old, new in zip(before, after, strict=True):
        change = (old - new).abs().max().item()
        if not change <= tolerance:
            raise RuntimeError(
                f'Expected outputs that stay within {tolerance} when '
                f'BatchNorm is folded, got a change of {change:.2e}. '
                'Something reads the result of a convolution beside its '
                'BatchNorm: export with fold=False.')
    return len(pairs)


def _watch(model: nn.Module, inputs: dict[str, Tensor]):
    """Convolution to BatchNorm where they form a pair; the outputs."""
    made: dict = {}  # keeps the tensors, so that no address is used twice
    calls: dict[nn.Module, int] = defaultdict(int)
    feeds: dict[nn.Module, list[nn.Module | None]] = defaultdict(list)

    def after_conv(conv, _, out):
        made[id(out)] = conv, out, out._version
        calls[conv] += 1

    def before_norm(norm, args):
        conv, out, version = made.get(id(args[0]), (None, None, None))
        fits = out is args[0] and out._version == version
        feeds[norm].append(conv if fits else None)

    handles = []
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            handles.append(module.register_forward_hook(after_conv))
        elif isinstance(module, _BatchNorm) and module.track_running_stats:
            handles.append(module.register_forward_pre_hook(before_norm))
    try:
        outputs = _tuple(model(**inputs))
    finally:
        for handle in handles:
            handle.remove()
    readers = defaultdict(set)
    for norm, convs in feeds.items():
        for conv in convs:
            readers[conv].add(norm)
    pairs = {
        convs[0]: norm for norm, convs in feeds.items()
        if set(convs) == {convs[0]} and convs[0] is not None
        and readers[convs[0]] == {norm} and calls[convs[0]] == len(convs)
    }
    return pairs, outputs


def _tuple(outputs) -> tuple:
    return outputs if isinstance(outputs, tuple) else (outputs, )
