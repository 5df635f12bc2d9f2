"""PSFusion (Information Fusion 99, 101870)."""
import re

from torch import nn

from mmfusion.registry import MODELS

from .base import KeyMapping, Shapes

_ENCODER = [
    (r'0\.(\d)', r'conv1.SFEB1.\1'),
    (r'0\.(\d)\.funnel\.0', r'conv1.SFEB1.\1.conv_frelu'),
    (r'0\.(\d)\.funnel\.1', r'conv1.SFEB1.\1.bn_frelu'),
    (r'1\.([013])', r'conv1.SFEB2.\1'),
    (r'1\.2\.funnel\.0', 'conv1.SFEB2.2.conv_frelu'),
    (r'1\.2\.funnel\.1', 'conv1.SFEB2.2.bn_frelu'),
    (r'1\.4', 'bn1'),
    (r'2\.1\.(.+)', r'layer3.\1'),
    (r'3\.(.+)', r'layer4.\1'),
    (r'4\.(.+)', r'layer5.\1'),
    (r'5\.(.+)', r'layer6.\1'),
]
_DETAIL = [
    (r'vis\.0\.(\d)', r'RGBobj1_1.basicconv.\1'),
    (r'vis\.1\.(\d)', r'RGBobj1_2.basicconv.\1'),
    (r'vis\.2\.(\d)', r'RGBspr.basicconv.\1'),
    (r'ir\.0\.(\d)', r'Infobj1_1.basicconv.\1'),
    (r'ir\.1\.(\d)', r'Infobj1_2.basicconv.\1'),
    (r'ir\.2\.(\d)', r'Infspr.basicconv.\1'),
    (r'recalibrate\.(\d)', r'obj_fuse.Recalibrate.\1'),
    (r'aggregate\.(\d)', r'obj_fuse.channel_agg.\1'),
    (r'local_attention\.(\d)', r'obj_fuse.local_att.\1'),
    (r'global_attention\.(\d)', r'obj_fuse.global_att.\1'),
]
_DENSE = [
    (r'reduce', 'down'),
    (r'blocks\.(\d)\.(\d)', r'denseblock.\1.basicconv.\2'),
    (r'output\.(\d)', r'fuse.basicconv.\1'),
]
_SEMANTIC = [
    *((rf'vis_dense\.{ours}', f'RGBobj.{theirs}') for ours, theirs in _DENSE),
    *((rf'ir_dense\.{ours}', f'Infobj.{theirs}') for ours, theirs in _DENSE),
    (r'query\.(\d)', r'obj_fuse.Q.basicconv.\1'),
    (r'vis_key\.(\d)', r'obj_fuse.RGB_K.basicconv.\1'),
    (r'vis_value\.(\d)', r'obj_fuse.RGB_V.basicconv.\1'),
    (r'ir_key\.(\d)', r'obj_fuse.INF_K.basicconv.\1'),
    (r'ir_value\.(\d)', r'obj_fuse.INF_V.basicconv.\1'),
    (r'output\.(\d)', r'obj_fuse.Second_reduce.basicconv.\1'),
    (r'vis_gain', 'obj_fuse.gamma1'),
    (r'ir_gain', 'obj_fuse.gamma2'),
]
_INJECTION = [
    (r'shared\.0', 'mlp_shared.0'),
    (r'gamma\.0', 'mlp_gamma.0'),
    (r'beta', 'mlp_beta'),
    (r'norm', 'bn'),
]
_HEADS = [
    (r'binary\.0', 'binary_conv1.conv'),
    (r'binary\.1', 'binary_conv1.bnop'),
    (r'binary\.3', 'binary_conv2'),
    (r'gated\.0', 'semantic_conv1.conv'),
    (r'gated\.1', 'semantic_conv1.bnop'),
    (r'semantic', 'semantic_conv2'),
    (r'boundary\.(\d)', r'boundary_conv.\1'),
]
_FIDELITY = [
    (r'local_attention\.(\d)', r'mask.local_att.\1'),
    (r'global_attention\.(\d)', r'mask.global_att.\1'),
    (r'norm', 'mask.conv_block'),
    (r'conv', 'conv_block.0'),
]


def _double(block: str) -> list[tuple[str, str]]:
    """Blocks of a convolution and two BatchNorm layers, counted from 1."""
    return [(rf'{block}\.{i}\.{j}', f'block{i + 1}.{name}') for i in range(4)
            for j, name in enumerate(('0.conv', '0.bn', '1'))]


#: our layers below a prefix (regular expressions) -> the authors'
_GROUPS = [
    ('vis_encoder.', 'encoder_rgb_', _ENCODER),
    ('ir_encoder.', 'encoder_thermal_', _ENCODER),
    *((f'fusions.{i}.', f'low_fuse{i + 1}.', _DETAIL) for i in range(3)),
    *((f'fusions.{i}.', f'high_fuse{i + 1}.', _SEMANTIC) for i in range(3, 6)),
    *((f'injections.{i}.', f'SIM{i + 1}.', _INJECTION) for i in range(3)),
    ('reconstructions.0.', 'rec_decoder.', _double('blocks')),
    ('reconstructions.1.', 'seg_rec_decoder.', _double('blocks')),
    ('semantic_decoder.', 'to_fused_seg.', [(r'align\.(\d)', r'\1.0')]),
    ('semantic_decoder.', 'seg_decoder.', _double('perceive')),
    ('semantic_heads.', 'classfier.', _HEADS),
    ('fused_head.', 'pred_fusion.', _FIDELITY),
    ('vis_head.', 'pred_vi.', _FIDELITY),
    ('ir_head.', 'pred_ir.', _FIDELITY),
]


def psfusion_key(key: str) -> str:
    """The authors' name of a key of :class:`PSFusion`, of any width.

    Raises:
        KeyError: If the table has no such key.
    """
    name = re.search(
        r'(|\.weight|\.bias|\.running_mean|\.running_var'
        r'|\.num_batches_tracked)$', key)[0]
    layer = key[:len(key) - len(name)]
    for prefix, reference, table in _GROUPS:
        if not layer.startswith(prefix):
            continue
        for ours, theirs in table:
            found = re.fullmatch(ours, layer[len(prefix):])
            if found:
                return reference + found.expand(theirs) + name
    raise KeyError(key)


def _unused() -> Shapes:
    """A second boundary head that the authors' network never calls."""
    head = 'classfier.boundary_conv'
    norm = {
        f'{head}1.bnop.{name}': (64, )
        for name in ('weight', 'bias', 'running_mean', 'running_var')
    }
    return {
        f'{head}1.conv.weight': (64, 128, 1, 1),
        **norm,
        f'{head}1.bnop.num_batches_tracked': (),
        f'{head}2.weight': (2, 64, 3, 3),
        f'{head}2.bias': (2, ),
    }


def _build() -> nn.Module:
    return nn.ModuleDict(dict(fuser=MODELS.build(dict(type='PSFusion'))))


PSFUSION = KeyMapping(
    method='psfusion', build=_build,
    reference_key=lambda key: psfusion_key(key[len('fuser.'):]),
    unused=_unused(), container='MTAN')
