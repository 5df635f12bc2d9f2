"""First layers of task networks, for more channels than RGB."""
from collections.abc import Mapping
from functools import partial
from typing import Any

import torch
from mmengine.logging import print_log
from torch import Tensor, nn

from mmfusion.utils.errors import UsageError

_RGB = 3


def inflate(weight: Tensor, channels: int) -> Tensor:
    """Filters of RGB images for stacked ones.

    Infrared in one channel gets the mean of the three filters, in three
    channels these themselves. All are scaled, so that what a grey pair
    gives stays as it was.

    Args:
        weight (Tensor): (N, 3, h, w).
        channels (int): 4 or 6.

    Returns:
        Tensor: (N, channels, h, w).
    """
    extra = weight
    if channels - _RGB == 1:
        extra = weight.mean(dim=1, keepdim=True)
    return torch.cat((weight, extra), dim=1) * (_RGB / channels)


def widen_first_layers(network: nn.Module, channels: int) -> None:
    """Let a network that takes RGB take more channels, in place.

    Every convolution of its backbone that takes three channels gets
    inflated filters, now and whenever weights for RGB are loaded into it:
    by ``init_cfg``, ``load_from`` or ``load_state_dict``. A backbone whose
    config asks for ``channels`` already keeps its layers.

    Args:
        network (nn.Module): A whole mmseg or mmdet model.
        channels (int): 4 or 6.

    Raises:
        UsageError: If it has no such convolution.
    """
    convs = [
        module for module in getattr(network, 'backbone', network).modules()
        if isinstance(module, nn.Conv2d) and module.groups == 1
    ]
    firsts = [conv for conv in convs if conv.in_channels == _RGB]
    for conv in firsts:
        conv.in_channels = channels
        conv.weight = nn.Parameter(inflate(conv.weight.detach(), channels),
                                   conv.weight.requires_grad)
    firsts = firsts or [conv for conv in convs if conv.in_channels == channels]
    if not firsts:
        raise UsageError(
            f'{type(network).__name__}: expected a first convolution of '
            f'{_RGB} channels to widen for task_channels={channels}, got '
            'none. Set in_channels of its backbone, or take another one.')
    for conv in firsts:
        # private by name alone: mmcv and mmdet register theirs by it, too
        conv._register_load_state_dict_pre_hook(
            partial(_inflate_loaded, channels=channels))
        conv.inflates_to = channels
    if not all(conv.weight.requires_grad for conv in firsts):
        print_log(
            'The first layer is frozen: it will see infrared by the mean of '
            'its other filters alone. Set frozen_stages=-1 in the backbone.',
            'current', 30)


def _inflate_loaded(state: dict[str, Tensor], prefix: str, *_: Any,
                    channels: int) -> None:
    weight = state.get(f'{prefix}weight')
    if weight is not None and weight.shape[1:2] == (_RGB, ):
        state[f'{prefix}weight'] = inflate(weight, channels)


def inflate_state(model: nn.Module,
                  state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """What a model's widened layers will make of weights for RGB.

    Args:
        model (nn.Module): May hold layers of :func:`widen_first_layers`.
        state (dict[str, Tensor]): Left as it is.

    Returns:
        dict[str, Tensor]: Weights by name.
    """
    state = dict(state)
    for name, module in model.named_modules():
        if hasattr(module, 'inflates_to'):
            _inflate_loaded(state, f'{name}.', channels=module.inflates_to)
    return state
