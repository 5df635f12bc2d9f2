"""FILM (ICML 2024): the authors' files and those of the Jittor port."""
import re
from typing import Dict

from torch import nn

from mmfusion.registry import MODELS

from .base import KeyMapping

_BLOCK = {
    'norm1': 'norm1.body',
    'norm2': 'norm2.body',
    'temperature': 'attn.temperature',
    'qkv': 'attn.qkv',
    'qkv_depthwise': 'attn.qkv_dwconv',
    'project': 'attn.project_out',
    'expand': 'ffn.project_in',
    'expand_depthwise': 'ffn.dwconv',
    'reduce': 'ffn.project_out',
}


def _branch(side: str, attention: int) -> Dict[str, str]:
    """Our layers of a branch to the authors' names of its stage."""
    attended = f'cross_attentionA{attention}.multihead_attn'
    return {
        'stem': f'conv{side}1',
        'stem_act': f'prelu{side}1',
        **{f'block.{k}': f'restormer{side}1.{v}' for k, v in _BLOCK.items()},
        'to_tokens': f'imagef2textf{side}1.conv',
        'gate.in_proj': f'{attended}.in_proj',
        'gate.out_proj': f'{attended}.out_proj',
        'from_tokens': f'conv{side}2',
        'gated_act': f'prelu{side}2',
        'merge': f'conv{side}3',
        'merge_act': f'prelu{side}3',
    }


def _layers() -> Dict[str, str]:
    """All our layers to the authors'."""
    table = {
        'text_proj': 'text_process.conv',
        'decoder.1': 'conv1',
        'decoder.4': 'conv2'
    }
    # branch B's attention has an A in its name, too
    for ours, side, attention in (('ir', 'A', 1), ('vis', 'B', 2)):
        for stage in range(3):
            for layer, name in _branch(side, attention).items():
                table[f'{ours}_stages.{stage}.{layer}'] = (
                    f'restormerca{stage + 1}.{name}')
    for ours, theirs in ((0, 1), (2, 2), (3, 3)):
        for layer, name in _BLOCK.items():
            table[f'decoder.{ours}.{layer}'] = f'restormer{theirs}.{name}'
    return table


_LAYERS = _layers()


def film_key(key: str) -> str:
    """The authors' name of a key of :class:`FILMFusion`.

    Raises:
        KeyError: If there is no such key.
    """
    if key in _LAYERS:  # a parameter by itself
        return _LAYERS[key]
    layer, _, name = key.rpartition('.')
    # they keep the parameters of this layer without a layer of its own
    joint = '_' if layer.endswith('in_proj') else '.'
    return f'{_LAYERS[layer]}{joint}{name}'
