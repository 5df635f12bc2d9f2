"""Fusion rules: maps of any number of sources to one map.

A rule is registered in ``FUSION_RULES`` and named by any
:class:`~mmfusion.models.fusers.zoo.rule_fuser.RuleFuser`, a user's own
included.
"""
from collections.abc import Callable, Sequence
from functools import partial, reduce

import torch
import torch.nn.functional as F
from torch import Tensor

from mmfusion.registry import FUSION_RULES

Rule = Callable[[Sequence[Tensor]], Tensor]


def fusion_rule(rule: str | dict) -> Rule:
    """A rule from its name, or from a config with options.

    Args:
        rule (str | dict): ``'add'``, ``'mean'``, ``'max'``, ``'l1_norm'``,
            another registered name, or ``dict(type=NAME, ...)``.

    Raises:
        ValueError: If there is no such rule; names those that there are.

    Examples:
        >>> maps = [torch.ones(1, 2, 3, 3), torch.zeros(1, 2, 3, 3)]
        >>> fusion_rule('mean')(maps).unique()
        tensor([0.5000])
    """
    options = dict(type=rule) if isinstance(rule, str) else dict(rule)
    name = options.pop('type')
    function = FUSION_RULES.get(name)
    if function is None:
        raise ValueError('Expected a fusion rule of '
                         f'{sorted(FUSION_RULES.module_dict)}, got {name!r}.')
    return partial(function, **options) if options else function


@FUSION_RULES.register_module()
def add(maps: Sequence[Tensor]) -> Tensor:
    """Sum of maps (B, C, H, W)."""
    return reduce(torch.add, maps)


@FUSION_RULES.register_module()
def mean(maps: Sequence[Tensor]) -> Tensor:
    """Mean of maps (B, C, H, W)."""
    return add(maps) / len(maps)


@FUSION_RULES.register_module(name='max')
def maximum(maps: Sequence[Tensor]) -> Tensor:
    """Largest value of maps (B, C, H, W), element by element."""
    return reduce(torch.maximum, maps)


@FUSION_RULES.register_module()
def l1_norm(maps: Sequence[Tensor], window: int = 3,
            epsilon: float = 1e-12) -> Tensor:
    """Mean of maps (B, C, H, W), weighted pixel by pixel by their activity.

    The activity is the mean over a window (zeros beyond the border) of the
    sum over channels of absolute values (DenseFuse, IEEE TIP 2019; so
    computed by DIDFuse).

    Args:
        maps (sequence[Tensor]): One a source.
        window (int): Odd side of the window; DenseFuse's code has 1.
        epsilon (float): Keeps the weights finite where all maps are zero.
    """
    activities = [
        F.avg_pool2d(x.abs().sum(1, keepdim=True), window, 1, window // 2)
        for x in maps
    ]
    weighted = [
        x * activity for x, activity in zip(maps, activities, strict=True)
    ]
    return add(weighted) / (add(activities) + epsilon)
