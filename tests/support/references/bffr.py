"""Key lists, weights and inputs behind BFFR's golden numbers.

The lists follow the authors' network, the layers it never calls included;
the weights are a formula in the key's place in the sorted list.
"""
from collections.abc import Mapping
from itertools import pairwise
from math import prod

import torch
from torch import Tensor

Shapes = dict[str, tuple[int, ...]]


def _conv(name: str, *shape: int) -> Shapes:
    return {f'{name}.weight': shape, f'{name}.bias': shape[:1]}


def _norm(name: str, channels: int) -> Shapes:
    shapes = {
        f'{name}.{key}': (channels, )
        for key in ('weight', 'bias', 'running_mean', 'running_var')
    }
    return {**shapes, f'{name}.num_batches_tracked': ()}


def reference_fuser_shapes() -> Shapes:
    """The 386 entries of the authors' fuser.

    Returns:
        dict[str, tuple]: Shapes by name, sorted by name.
    """
    shapes: Shapes = {}
    widths = (16, 32, 64, 96, 128)
    for m in ('vi', 'ir'):
        shapes.update(_conv(f'conv1_{m}.conv2d', 16, 1, 1, 1))
        shapes.update(_norm(f'conv1_{m}.bn', 16))
        for k, (c, o) in enumerate(pairwise(widths), 1):
            shapes.update(_conv(f'DB{k}_{m}.conv1.conv', c, c, 3, 3))
            shapes.update(_conv(f'DB{k}_{m}.conv2.conv', c, 2 * c, 3, 3))
            shapes.update(_conv(f'DB{k}_{m}.conv_down', o, 3 * c, 1, 1))
    for k, c in enumerate(widths[1:], 1):
        for attention in (1, 2):
            name = f'fusion_block{k}.attn{attention}'
            for side in ('conv_pre', 'ffn'):
                for i in range(2):
                    pair = f'{name}.{side}.{i}'
                    shapes.update(_conv(f'{pair}.conv2d', c, c, 3, 3))
                    shapes.update(_norm(f'{pair}.batch_norm', c))
            for layer in ('wq1', 'wk1', 'wv1'):
                shapes[f'{name}.{layer}.weight'] = (c, c)
            shapes.update(_conv(f'{name}.end_proj1', c, c))
            shapes.update({
                f'{name}.norm1.weight': (c, ),
                f'{name}.norm1.bias': (c, )
            })
    for node, inputs, outputs in (('DB1_1', 96, 32), ('DB2_1', 160, 64),
                                  ('DB3_1', 224, 96), ('DB1_2', 128, 32),
                                  ('DB2_2', 224, 64), ('DB1_3', 160, 32)):
        shapes.update(_conv(f'{node}.conv2d', outputs, inputs, 3, 3))
        shapes.update(_norm(f'{node}.bn', outputs))
    shapes.update(_conv('conv_out.conv2d', 1, 32, 1, 1))
    return dict(sorted(shapes.items()))


def reference_full_shapes() -> Shapes:
    """The 578 entries of the authors' fuser and SegFormer-B0.

    SegFormer's part is read off mmseg's model, whose names are the same.

    Returns:
        dict[str, tuple]: Shapes by name, sorted by name.
    """
    from mmseg.models import MixVisionTransformer, SegformerHead
    parts = dict(
        backbone=MixVisionTransformer(embed_dims=32, num_layers=[2, 2, 2, 2],
                                      num_heads=[1, 2, 5, 8]),
        decode_head=SegformerHead(
            in_channels=[32, 64, 160, 256], in_index=[0, 1, 2, 3],
            channels=256, num_classes=9, norm_cfg=dict(type='BN'),
            loss_decode=dict(type='mmseg.CrossEntropyLoss')))
    shapes = {
        f'{name}.{key}': tuple(value.shape) for name, part in parts.items()
        for key, value in part.state_dict().items()
    }
    shapes.update({
        f'fuser.{key}': shape
        for key, shape in reference_fuser_shapes().items()
    })
    return dict(sorted(shapes.items()))


def fill_reference(shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Tensor]:
    """Weights for the golden numbers.

    With ``i`` the key's place in the sorted list, ``j`` the flat index and
    ``s = sin(i + j)`` in float64: matrices and kernels are
    ``2 s / sqrt(fan_in)``, one-dimensional weights ``1 + 0.1 s``, running
    variances ``1 + 0.5 s^2``, running means ``0.1 s``, the rest ``0.05 s``.

    Args:
        shapes (dict[str, tuple]): All keys of the network.

    Returns:
        dict[str, Tensor]: float32 tensors (counters int64), sorted by name.
    """
    state = {}
    for i, key in enumerate(sorted(shapes)):
        shape = shapes[key]
        s = torch.sin(torch.arange(prod(shape), dtype=torch.float64) + i)
        s = s.reshape(shape)
        if key.endswith('num_batches_tracked'):
            state[key] = torch.zeros(shape, dtype=torch.long)
            continue
        if key.endswith('running_var'):
            value = 1 + 0.5 * s**2
        elif key.endswith('running_mean'):
            value = 0.1 * s
        elif len(shape) >= 2:
            value = s * 2 / prod(shape[1:])**0.5
        elif key.endswith('weight'):
            value = 1 + 0.1 * s
        else:
            value = 0.05 * s
        state[key] = value.float()
    return state


def golden_inputs(batch: int, height: int,
                  width: int) -> tuple[Tensor, Tensor]:
    """Inputs for the golden numbers.

    Returns:
        tuple[Tensor, Tensor]: vis (B, 3, H, W), channels in the order the
        authors feed them, and ir (B, 1, H, W).
    """
    b, c, y, x = torch.meshgrid(
        *(torch.arange(size, dtype=torch.float64)
          for size in (batch, 3, height, width)), indexing='ij')
    vis = 0.5 + 0.5 * torch.sin(0.11 * x + 0.17 * y + 1.3 * c + 0.7 * b)
    ir = 0.5 + 0.5 * torch.cos(0.07 * x - 0.13 * y + 0.5 * b)
    return vis.float(), ir[:, :1].float()
