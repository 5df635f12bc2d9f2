"""Keys, shapes and a fixed draw of weights of the authors' PSFusion.

Written from a description of their network, apart from our model, so that
tests of the model, the converter and the baseline have one witness.
"""
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

Shapes = dict[str, tuple[int, ...]]


def _conv(key: str, *shape: int, bias: bool = True) -> Shapes:
    shapes = {f'{key}.weight': shape}
    if bias:
        shapes[f'{key}.bias'] = shape[:1]
    return shapes


def _norm(key: str, channels: int) -> Shapes:
    shapes = {
        f'{key}.{name}': (channels, )
        for name in ('weight', 'bias', 'running_mean', 'running_var')
    }
    return {**shapes, f'{key}.num_batches_tracked': ()}


def _basic(key: str, outputs: int, inputs: int) -> Shapes:
    return {
        **_conv(f'{key}.basicconv.0', outputs, inputs, 3, 3, bias=False),
        **_norm(f'{key}.basicconv.1', outputs)
    }


def _double(key: str, outputs: int, inputs: int) -> Shapes:
    return {
        **_conv(f'{key}.0.conv', outputs, inputs, 3, 3, bias=False),
        **_norm(f'{key}.0.bn', outputs),
        **_norm(f'{key}.1', outputs)
    }


def _pointwise(key: str, indices: tuple[int, int, int, int], inputs: int,
               mid: int, outputs: int) -> Shapes:
    first, first_norm, second, second_norm = indices
    return {
        **_conv(f'{key}.{first}', mid, inputs, 1, 1),
        **_norm(f'{key}.{first_norm}', mid),
        **_conv(f'{key}.{second}', outputs, mid, 1, 1),
        **_norm(f'{key}.{second_norm}', outputs)
    }


def _encoder(key: str, inputs: int, w: int, depths: Sequence[int]) -> Shapes:
    stem = f'{key}_conv1.SFEB'
    shapes = {
        **_conv(f'{stem}1.0', w, inputs, 7, 7),
        **_conv(f'{stem}1.3', w, w, 3, 3),
        **_conv(f'{stem}2.0', 2 * w, w, 3, 3),
        **_conv(f'{stem}2.3', 2 * w, 2 * w, 3, 3),
        **_norm(f'{stem}1.1', w),
        **_norm(f'{stem}1.4', w),
        **_norm(f'{stem}2.1', 2 * w),
        **_norm(f'{key}_bn1', 2 * w)
    }
    for place, channels in (('1.2', w), ('1.5', w), ('2.2', 2 * w)):
        shapes.update(_conv(f'{stem}{place}.conv_frelu', channels, 1, 3, 3))
        shapes.update(_norm(f'{stem}{place}.bn_frelu', channels))
    inputs = 2 * w
    for stage, depth in enumerate(depths):
        outputs = 2 * w * 2**stage
        for i in range(depth):
            block = f'{key}_layer{stage + 3}.{i}'
            shapes.update({
                **_conv(f'{block}.conv1', outputs, inputs, 3, 3, bias=False),
                **_norm(f'{block}.bn1', outputs),
                **_conv(f'{block}.conv2', outputs, outputs, 3, 3, bias=False),
                **_norm(f'{block}.bn2', outputs)
            })
            if inputs != outputs:
                name = f'{block}.downsample'
                shapes.update(
                    _conv(f'{name}.0', outputs, inputs, 1, 1, bias=False))
                shapes.update(_norm(f'{name}.1', outputs))
            inputs = outputs
    return shapes


def _high_fuse(key: str, inputs: int, w: int) -> Shapes:
    mid, deep = w // 2, 2 * w
    shapes: Shapes = {
        f'{key}.obj_fuse.gamma1': (1, ),
        f'{key}.obj_fuse.gamma2': (1, )
    }
    for dense in (f'{key}.RGBobj', f'{key}.Infobj'):
        shapes.update(_conv(f'{dense}.down', mid, inputs, 1, 1))
        for i in range(4):
            shapes.update(_basic(f'{dense}.denseblock.{i}', mid,
                                 mid * (i + 1)))
        shapes.update(_basic(f'{dense}.fuse', deep, inputs + mid))
    for name in ('RGB_K', 'RGB_V', 'INF_K', 'INF_V'):
        shapes.update(_basic(f'{key}.obj_fuse.{name}', deep, deep))
    for name in ('Q', 'Second_reduce'):
        shapes.update(_basic(f'{key}.obj_fuse.{name}', deep, 2 * deep))
    return shapes


def _low_fuse(key: str, a: int, c: int) -> Shapes:
    shapes: Shapes = {}
    for name in ('RGBobj1_1', 'Infobj1_1'):
        shapes.update(_basic(f'{key}.{name}', c, a))
    for name in ('RGBobj1_2', 'RGBspr', 'Infobj1_2', 'Infspr'):
        shapes.update(_basic(f'{key}.{name}', c, c))
    module = f'{key}.obj_fuse'
    wide = 2 * c, c // 2, 2 * c
    return {
        **shapes,
        **_pointwise(f'{module}.Recalibrate', (1, 2, 4, 5), *wide),
        **_conv(f'{module}.channel_agg.0', c, 2 * c, 1, 1),
        **_norm(f'{module}.channel_agg.1', c),
        **_pointwise(f'{module}.local_att', (0, 1, 3, 4), c, c // 4, c),
        **_pointwise(f'{module}.global_att', (1, 2, 4, 5), c, c // 4, c)
    }


def _classifier(deep: int, num_classes: int) -> Shapes:
    shapes: Shapes = {}
    for name, inputs, mid, outputs in (('binary', deep, deep // 4, 2),
                                       ('semantic', deep, deep, num_classes),
                                       ('boundary', 2 * deep, deep, 2)):
        key = f'classfier.{name}_conv'
        shapes.update({
            **_conv(f'{key}1.conv', mid, inputs, 1, 1, bias=False),
            **_norm(f'{key}1.bnop', mid),
            **_conv(f'{key}2', outputs, mid, 3, 3)
        })
    key = 'classfier.boundary_conv'
    return {
        **shapes,
        **_conv(f'{key}.0', deep, 2 * deep, 1, 1),
        **_norm(f'{key}.1', deep),
        **_conv(f'{key}.3', 2, deep, 3, 3)
    }


def _fidelity(key: str, w: int) -> Shapes:
    shapes: Shapes = {}
    for i in (0, 3, 6):
        shapes.update(_conv(f'{key}.mask.local_att.{i}', w, 1, 3, 3))
        shapes.update(_norm(f'{key}.mask.local_att.{i + 1}', w))
    return {
        **shapes,
        **_pointwise(f'{key}.mask.global_att', (1, 2, 4, 5), w, w // 4, w),
        **_norm(f'{key}.mask.conv_block', w),
        **_conv(f'{key}.conv_block.0', 1, w, 3, 3)
    }


def reference_shapes(base_channels: int = 32,
                     depths: Sequence[int] = (3, 4, 6, 3),
                     num_classes: int = 9) -> Shapes:
    """Shapes by the authors' names; the published network has 1,360.

    Args:
        base_channels (int): Channels at full resolution.
        depths (Sequence[int]): Blocks in each stage of an encoder.
        num_classes (int): Semantic classes.

    Returns:
        dict[str, tuple[int]]: Every entry of the state dict, sorted by key,
        the layers that are never called included.
    """
    w, deep = base_channels, 2 * base_channels
    shapes = {
        **_encoder('encoder_rgb', 3, w, depths),
        **_encoder('encoder_thermal', 1, w, depths),
        **_classifier(deep, num_classes),
        **_conv('pred_fusion.conv_block.0', 1, w, 3, 3),
        **_fidelity('pred_vi', w),
        **_fidelity('pred_ir', w)
    }
    for i, (a, c) in enumerate(((w, w), (deep, w), (deep, deep)), start=1):
        shapes.update(_low_fuse(f'low_fuse{i}', a, c))
    for i, condition in enumerate((deep, w, deep)):
        shapes.update(_high_fuse(f'high_fuse{i + 4}', 4 * w * 2**i, w))
        key = f'SIM{i + 1}'
        shapes.update({
            **_conv(f'{key}.mlp_shared.0', w, condition, 3, 3),
            **_conv(f'{key}.mlp_gamma.0', w, w, 3, 3),
            **_conv(f'{key}.mlp_beta', w, w, 3, 3),
            **_norm(f'{key}.bn', w)
        })
    for i in range(4):
        shapes.update(_conv(f'to_fused_seg.{i}.0', deep, deep, 3, 3))
        for name in ('rec_decoder', 'seg_rec_decoder'):
            shapes.update(_double(f'{name}.block{i + 1}', w, w * (i + 1)))
    for i, inputs in enumerate((4 * deep, deep, deep), start=1):
        shapes.update(_double(f'seg_decoder.block{i}', deep, inputs))
    return dict(sorted(shapes.items()))


def _draw(key: str, shape: tuple[int, ...],
          random: np.random.RandomState) -> np.ndarray:
    if key.endswith(('gamma1', 'gamma2')):
        return np.full(shape, 0.5)
    if key.endswith('running_var'):
        return 0.5 + random.random_sample(shape)
    if key.endswith('running_mean'):
        return 0.1 * random.standard_normal(shape)
    if len(shape) == 4:
        return random.standard_normal(shape) * np.sqrt(1 / np.prod(shape[1:]))
    if key.endswith('.weight'):
        return 1 + 0.1 * random.standard_normal(shape)
    return 0.1 * random.standard_normal(shape)


def reference_state_dict(seed: int = 1234, **size) -> dict[str, Tensor]:
    """Reproducible weights in the authors' names.

    Attention gains are 0.5 and BatchNorm statistics random, so that no part
    of the network is neutral.

    Args:
        seed (int): Seed of the draw.
        size: See :func:`reference_shapes`.

    Returns:
        dict[str, Tensor]: float32, sorted by key.
    """
    random = np.random.RandomState(seed)
    return {
        key:
        torch.tensor(0) if key.endswith('num_batches_tracked') else
        torch.from_numpy(_draw(key, shape, random).astype(np.float32))
        for key, shape in reference_shapes(**size).items()
    }


def reference_input(height: int = 64, width: int = 96, batch: int = 1,
                    seed: int = 7) -> list[Tensor]:
    """Noise images, visible (B, 3, H, W) and infrared (B, 1, H, W)."""
    random = np.random.RandomState(seed)
    return [
        torch.from_numpy(
            random.random_sample(
                (batch, channels, height, width)).astype(np.float32))
        for channels in (3, 1)
    ]
