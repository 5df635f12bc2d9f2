"""FILM (ICML 2024): the authors' files and those of the Jittor port."""
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from mmfusion.registry import MODELS
from mmfusion.utils.checkpoint import (PathLike, State, find_state_dict,
                                       read_checkpoint)

from . import jittor
from .base import KeyMapping

_CONTAINER = 'model'
_TASKS = ('IVF', 'MIF', 'MEF', 'MFF')
#: a zip file, and the older format of torch.save
_TORCH_MAGIC = (b'PK\x03\x04', b'\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.')

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


def _branch(side: str, attention: int) -> dict[str, str]:
    """Our layers of a branch to the authors' names of its stage."""
    attended = f'cross_attentionA{attention}.multihead_attn'
    return {
        'stem': f'conv{side}1',
        'stem_act': f'prelu{side}1',
        **{
            f'block.{k}': f'restormer{side}1.{v}' for k, v in _BLOCK.items()
        },
        'to_tokens': f'imagef2textf{side}1.conv',
        'gate.in_proj': f'{attended}.in_proj',
        'gate.out_proj': f'{attended}.out_proj',
        'from_tokens': f'conv{side}2',
        'gated_act': f'prelu{side}2',
        'merge': f'conv{side}3',
        'merge_act': f'prelu{side}3',
    }


def _layers() -> dict[str, str]:
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


def read_film(path: PathLike) -> dict[str, Any]:
    """Read the authors' ``.pth`` or a Jittor ``.pkl``.

    Args:
        path (str | PathLike): The file.

    Returns:
        dict: ``model``, float tensors in the authors' names, and ``meta``
        with ``source_sha256``, ``variant`` (``'torch'``, ``'jittor'`` or
        ``'jittor-split'``, whose attentions have three input layers) and,
        where the file's name tells it, ``task``.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is damaged, holds other objects than arrays,
            or another network.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f'Expected a checkpoint file, got '
                                f'{str(path)!r}, which does not exist.')
    content = path.read_bytes()
    torch_file = content.startswith(_TORCH_MAGIC)
    if torch_file and not jittor.is_jittor(content):
        checkpoint = read_checkpoint(path)
    else:
        checkpoint = _as_tensors(jittor.loads(content))
    state = find_state_dict(checkpoint, _CONTAINER)
    if any('.attn.cross.' in key for key in state):
        raise ValueError(
            "Expected FILM's network, got the simplified Jittor port: it "
            'has self-attention over pixels (attn.cross.*) in place of '
            'Restormer blocks, which is another network. Its weights cannot '
            "be converted; use the authors' PyTorch files.")
    variant = 'torch' if torch_file else 'jittor'
    if any(key.endswith('q_proj.weight') for key in state):
        state, variant = _join_attention(state), f'{variant}-split'
    state = {
        key: value.reshape(1) if 'prelu' in key and not value.ndim else value
        for key, value in state.items()
    }
    meta = dict(source_sha256=hashlib.sha256(content).hexdigest(),
                variant=variant)
    if path.stem.upper() in _TASKS:
        meta['task'] = path.stem.upper()
    return {_CONTAINER: state, 'meta': meta}


def _as_tensors(value: Any) -> Any:
    """Arrays of a nested dict as tensors, floats in single precision."""
    if isinstance(value, Mapping):
        return {key: _as_tensors(item) for key, item in value.items()}
    if isinstance(value, (np.ndarray, np.generic)) and value.dtype != object:
        array = np.asarray(value)
        kind = np.float32 if array.dtype.kind == 'f' else array.dtype
        return torch.from_numpy(array.astype(kind))
    return value


def _join_attention(state: State) -> State:
    """One input layer an attention from those of query, key and value."""
    joined = dict(state)
    for key in state:
        layer, found, _ = key.rpartition('q_proj.weight')
        if not found:
            continue
        weights = [joined.pop(f'{layer}{x}_proj.weight') for x in 'qkv']
        biases = [
            joined.pop(f'{layer}{x}_proj.bias', weight.new_zeros(len(weight)))
            for x, weight in zip('qkv', weights, strict=True)
        ]
        joined[f'{layer}in_proj_weight'] = torch.cat(weights)
        joined[f'{layer}in_proj_bias'] = torch.cat(biases)
        joined.setdefault(f'{layer}out_proj.bias',
                          biases[0].new_zeros(len(biases[0])))
    return joined


def _build() -> nn.Module:
    return nn.ModuleDict(dict(fuser=MODELS.build(dict(type='FILMFusion'))))


FILM = KeyMapping(
    method='film', build=_build,
    reference_key=lambda key: film_key(key.removeprefix('fuser.')),
    container=_CONTAINER, read=read_film, prefix='module.')
