"""Tables of a network whose layers have other names elsewhere."""
from collections.abc import Mapping
from functools import partial
from typing import Any

from torch import nn

from mmfusion.registry import MODELS

from ..base import KeyMapping
from ..published import read_tensors


def layer_table(method: str, fuser: str, layers: Mapping[str, str],
                kinds: Mapping[str, str] | None = None,
                options: Mapping[str, Any] | None = None, joint: str = '.',
                **mapping: Any) -> KeyMapping:
    """A table by layers.

    Args:
        method (str): Name on the command line.
        fuser (str): Registered class.
        layers (dict[str, str]): Our name of a layer, or of a parameter by
            itself, to the authors'. In a method of several files the
            latter begins with the file's name and ``/``.
        kinds (dict[str, str], optional): Our names of what a layer holds to
            the authors', e.g. ``dict(weight='kernel')``.
        options (dict, optional): Of the class; what a checkpoint is made
            for, see :func:`~mmfusion.utils.checkpoint.check_made_for`.
        joint (str): Between the authors' names of a layer and its parts.
        mapping: Further arguments of :class:`KeyMapping`.
    """
    options, kinds = dict(options or {}), kinds or {}

    def build() -> nn.Module:
        return nn.ModuleDict(
            dict(fuser=MODELS.build(dict(type=fuser, **options))))

    def reference_key(key: str) -> str:
        name = key.removeprefix('fuser.')
        if name in layers:
            return layers[name]
        layer, _, kind = name.rpartition('.')
        return f'{layers[layer]}{joint}{kinds.get(kind, kind)}'

    container = mapping.setdefault('container', '')
    return KeyMapping(method, build, reference_key,
                      made_for=dict(type=fuser, **options),
                      read=partial(read_tensors,
                                   container=container), **mapping)
