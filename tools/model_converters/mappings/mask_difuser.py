"""Mask-DiFuser (TPAMI 2025): the released network."""
import torch
from torch import nn

from mmfusion.registry import MODELS

from .base import KeyMapping, Shapes

_LEVELS = 4
#: our layers to the authors', within the whole network and within a block
_PARTS = {
    'time_table': 'time_embedding.timembedding.0',
    'time_mlp.0': 'time_embedding.timembedding.1',
    'time_mlp.2': 'time_embedding.timembedding.3',
    'content.view': 'content_encoder.conv',
    'content.mixer.channel.0': 'content_encoder.fusion.conv1',
    'content.mixer.channel.1': 'content_encoder.fusion.norm1',
    'content.mixer.channel.3': 'content_encoder.fusion.conv2',
    'content.mixer.channel.4': 'content_encoder.fusion.norm2',
    'content.mixer.spatial.0': 'content_encoder.fusion.conv3',
    'content.mixer.spatial.1': 'content_encoder.fusion.norm3',
    'content.mixer.spatial.3': 'content_encoder.fusion.conv4',
    'content.mixer.spatial.4': 'content_encoder.fusion.norm4',
    'content.out': 'content_encoder.enhance',
    'semantic.convs': 'encoder.conv',
    'semantic.layers':
    'encoder.transformer_encoder.transformer_encoder.layers',
    'proj_in': 'proj_in',
    'head': 'head',
    'tail': 'tail',
}
_BLOCK = {
    'first': 'block1',
    'step': 'temb_proj',
    'second': 'block2',
    'shortcut': 'shortcut',
    'attention.norm': 'attn.group_norm',
    'attention.query': 'attn.proj_q',
    'attention.key': 'attn.proj_k',
    'attention.value': 'attn.proj_v',
    'attention.project': 'attn.proj',
    'cross.norm_query': 'cross_attention.norm_x',
    'cross.norm_view': 'cross_attention.norm_cond',
    'cross.query': 'cross_attention.proj_q',
    'cross.key': 'cross_attention.proj_k1',
    'cross.value': 'cross_attention.proj_v1',
    'merge': 'conbine',
}


def _u_net() -> dict[str, str]:
    """Their blocks and resizing layers stand in one list a side."""
    table = {}
    for side, resize, blocks in (('down', 'shrink', 2), ('up', 'grow', 3)):
        for level in range(_LEVELS):
            start = f'{side}blocks.'
            first = level * (blocks + 1)
            for index in range(blocks):
                table[f'unet.{side}.{level}.{index}'] = (
                    f'{start}{first + index}')
            table[f'unet.{resize}.{level}'] = f'{start}{first + blocks}.main'
    for index in range(2):
        table[f'unet.middle.{index}'] = f'middleblocks.{index}'
    return table


_U_NET = _u_net()


def _replaced(key: str, table: dict[str, str]) -> str:
    """A name whose beginning, whole words of it, a table replaces."""
    head = next((head for head in table if key.startswith(f'{head}.')), None)
    return key if head is None else table[head] + key[len(head):]


def _reference_key(key: str) -> str:
    name = key.removeprefix('fuser.')
    for ours, theirs in _U_NET.items():
        if name.startswith(f'{ours}.'):
            return f'{theirs}.{_replaced(name[len(ours) + 1:], _BLOCK)}'
    return _replaced(name, _PARTS)


def _prototype() -> Shapes:
    """The transformer layer that theirs are copies of, and nothing calls."""
    shapes = {
        'self_attn.in_proj_weight': (384, 128),
        'self_attn.in_proj_bias': (384, ),
        'self_attn.out_proj.weight': (128, 128),
        'self_attn.out_proj.bias': (128, ),
        'linear1.weight': (2048, 128),
        'linear1.bias': (2048, ),
        'linear2.weight': (128, 2048),
        'linear2.bias': (128, ),
        'norm1.weight': (128, ),
        'norm1.bias': (128, ),
        'norm2.weight': (128, ),
        'norm2.bias': (128, ),
    }
    return {
        f'encoder.transformer_encoder.layers.{name}': shape
        for name, shape in shapes.items()
    }


def _build() -> nn.ModuleDict:
    with torch.device('meta'):  # names and shapes are all that is asked for
        fuser = MODELS.build(dict(type='MaskDiFuser'))
    return nn.ModuleDict(dict(fuser=fuser))


MASK_DIFUSER = KeyMapping(
    method='mask_difuser', build=_build, reference_key=_reference_key,
    unused=_prototype(), copies={
        f'conbine.{layer}.{kind}': f'proj_in.{layer}.{kind}'
        for layer in (0, 1) for kind in ('weight', 'bias')
    })
