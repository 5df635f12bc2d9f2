"""BFFR (arXiv 2211.12286): its fuser alone and its full network."""

from mmseg.models import MixVisionTransformer, SegformerHead
from torch import nn

from mmfusion.registry import MODELS

from .base import KeyMapping

_STEM = 16
_NODES = dict(DB1_1=32, DB2_1=64, DB3_1=96, DB1_2=32, DB2_2=64, DB1_3=32)


def _layers() -> dict[str, str]:
    """Our layers of the fuser to the authors'."""
    table = {'to_luma': 'conv_out.conv2d'}
    for node in _NODES:
        table[f'nodes.x{node[2]}{node[4]}.conv'] = f'{node}.conv2d'
    # their first attention reads the infrared features
    for ours, theirs, attention in (('vis', 'vi', 'attn2'), ('ir', 'ir',
                                                             'attn1')):
        table[f'{ours}_encoder.stem'] = f'conv1_{theirs}.conv2d'
        for scale in range(4):
            block = f'{ours}_encoder.blocks.{scale}'
            dense = f'DB{scale + 1}_{theirs}'
            table[f'{block}.conv1'] = f'{dense}.conv1.conv'
            table[f'{block}.conv2'] = f'{dense}.conv2.conv'
            table[f'{block}.reduce'] = f'{dense}.conv_down'
            block = f'{ours}_attentions.{scale}'
            fusion = f'fusion_block{scale + 1}.{attention}'
            for layer, name in (('query', 'wq1'), ('key', 'wk1'), ('value',
                                                                   'wv1'),
                                ('project', 'end_proj1'), ('norm', 'norm1')):
                table[f'{block}.{layer}'] = f'{fusion}.{name}'
            for side, name in (('before', 'conv_pre'), ('after', 'ffn')):
                for k in range(2):
                    pair = f'{fusion}.{name}.{k}'
                    table[f'{block}.{side}.{k}.conv'] = f'{pair}.conv2d'
                    table[f'{block}.{side}.{k}.norm'] = f'{pair}.batch_norm'
    return table


_LAYERS = _layers()


def _fuser_key(key: str) -> str:
    layer, _, name = key.rpartition('.')
    return f'{_LAYERS[layer]}.{name}'


def _full_key(key: str) -> str:
    if key.startswith('fuser.'):
        return 'fuser.' + _fuser_key(key[len('fuser.'):])
    return key[len('segmentor.'):]


def _unused(prefix: str = '') -> dict[str, tuple[int, ...]]:
    """The BatchNorm layers that the authors' fuser owns but never calls."""
    widths = dict(conv1_vi=_STEM, conv1_ir=_STEM, **_NODES)
    return {
        f'{prefix}{layer}.bn.{name}': () if name == 'num_batches_tracked' else
        (width, ) for layer, width in widths.items()
        for name in ('weight', 'bias', 'running_mean', 'running_var',
                     'num_batches_tracked')
    }


def _build_fuser() -> nn.ModuleDict:
    return nn.ModuleDict(dict(fuser=MODELS.build(dict(type='TransFuser6'))))


def _build_full() -> nn.ModuleDict:
    """The fuser and SegFormer-B0 with nine classes, as in BFFR."""
    segmentor = dict(
        backbone=MixVisionTransformer(embed_dims=32, num_layers=[2, 2, 2, 2],
                                      num_heads=[1, 2, 5, 8]),
        decode_head=SegformerHead(
            in_channels=[32, 64, 160, 256], in_index=[0, 1, 2, 3],
            channels=256, num_classes=9, norm_cfg=dict(type='BN'),
            loss_decode=dict(type='mmseg.CrossEntropyLoss')))
    full = _build_fuser()
    full['segmentor'] = nn.ModuleDict(segmentor)
    return full


TRANSFUSER6 = KeyMapping(
    method='transfuser6', build=_build_fuser,
    reference_key=lambda key: _fuser_key(key[len('fuser.'):]),
    unused=_unused())

BFFR = KeyMapping(method='bffr', build=_build_full, reference_key=_full_key,
                  unused=_unused('fuser.'))
