"""Key list, weights and inputs behind FILM's golden numbers.

The weights make the text visible in the output, where PyTorch's initial
ones leave it at 1e-7.
"""
from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

Shapes = dict[str, tuple[int, ...]]


def _restormer(name: str, channels: int) -> Shapes:
    wide = 8 * channels
    norms = {
        f'{name}.norm{i}.body.{key}': (channels, ) for i in (1, 2)
        for key in ('weight', 'bias')
    }
    return {
        **norms,
        f'{name}.attn.temperature': (8, 1, 1),
        f'{name}.attn.qkv.weight': (3 * channels, channels, 1, 1),
        f'{name}.attn.qkv_dwconv.weight': (3 * channels, 1, 3, 3),
        f'{name}.attn.project_out.weight': (channels, channels, 1, 1),
        f'{name}.ffn.project_in.weight': (wide, channels, 1, 1),
        f'{name}.ffn.dwconv.weight': (wide, 1, 3, 3),
        f'{name}.ffn.project_out.weight': (channels, wide // 2, 1, 1),
    }


def _conv(name: str, *shape: int) -> Shapes:
    return {f'{name}.weight': shape, f'{name}.bias': shape[:1]}


def reference_shapes() -> Shapes:
    """The 189 entries of the authors' network.

    Returns:
        dict[str, tuple]: Shapes by name, sorted by name.
    """
    shapes = _conv('text_process.conv', 256, 768, 1)
    for stage, inputs in ((1, 1), (2, 32), (3, 32)):
        for side, attention in (('A', 1), ('B', 2)):
            name = f'restormerca{stage}'
            attended = f'{name}.cross_attentionA{attention}.multihead_attn'
            shapes[f'{name}.conv{side}1.weight'] = (32, inputs, 3, 3)
            shapes.update(
                {f'{name}.prelu{side}{i}.weight': (1, ) for i in (1, 2, 3)})
            shapes.update(_conv(f'{name}.conv{side}2', 32, 32, 1, 1))
            shapes.update(_conv(f'{name}.conv{side}3', 32, 64, 1, 1))
            shapes.update(
                _conv(f'{name}.imagef2textf{side}1.conv', 32, 32, 1, 1))
            shapes.update(_restormer(f'{name}.restormer{side}1', 32))
            shapes.update(_conv(f'{attended}.out_proj', 256, 256))
            shapes[f'{attended}.in_proj_weight'] = (768, 256)
            shapes[f'{attended}.in_proj_bias'] = (768, )
    shapes.update(_restormer('restormer1', 64))
    shapes.update(_restormer('restormer2', 32))
    shapes.update(_restormer('restormer3', 32))
    shapes.update(_conv('conv1', 32, 64, 1, 1))
    shapes.update(_conv('conv2', 1, 32, 1, 1))
    return dict(sorted(shapes.items()))


def fill_reference(shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Tensor]:
    """Weights for the golden numbers.

    Normal draws ``z``, seeded with 1000 plus the key's place in the sorted
    list: temperatures ``1 + 0.5 z``, weights of normalisations
    ``1 + 0.1 z``, slopes ``0.25 + 0.05 z``, other vectors ``0.1 z``, kernels
    and matrices ``z / sqrt(fan_in)``, larger by 3 at the attention's input
    and by 100 after the gating.

    Args:
        shapes (dict[str, tuple]): All keys of the network.

    Returns:
        dict[str, Tensor]: float32 tensors, sorted by name.
    """
    state = {}
    for i, key in enumerate(sorted(shapes)):
        shape = shapes[key]
        z = np.random.RandomState(1000 + i).standard_normal(shape)
        if key.endswith('temperature'):
            z = 1 + 0.5 * z
        elif key.endswith('body.weight'):
            z = 1 + 0.1 * z
        elif 'prelu' in key:
            z = 0.25 + 0.05 * z
        elif len(shape) == 1:
            z = 0.1 * z
        else:
            z = z / np.sqrt(np.prod(shape[1:]))
            if key.endswith('in_proj_weight'):
                z = 3 * z
            if key.endswith(('convA2.weight', 'convB2.weight')):
                z = 100 * z
        state[key] = torch.from_numpy(np.asarray(z, np.float32))
    return state


def reference_input(batch: int, height: int, width: int, length: int,
                    text_channels: int = 768) -> dict[str, Tensor]:
    """Inputs of the golden numbers.

    Returns:
        dict[str, Tensor]: ``ir`` and ``vis_luma``, (B, 1, H, W), and
        ``text``, (B, length, text_channels); float32.
    """
    random = np.random.RandomState(7)
    images = [random.uniform(size=(batch, 1, height, width)) for _ in 'ab']
    text = random.standard_normal((batch, length, text_channels))
    return {
        name: torch.from_numpy(value.astype(np.float32))
        for name, value in zip(('ir', 'vis_luma', 'text'), (*images,
                                                            text), strict=True)
    }
