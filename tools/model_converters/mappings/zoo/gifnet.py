"""GIFNet (CVPR 2025): one file for all kinds of pairs."""
from .table import layer_table

_SWIN = 'extractor_multask.SwinTransformerSpecific'
_BLOCK = {
    'norm': 'norm1{0}',
    'norm.scale': 'norm1{0}.meta1',
    'norm.shift': 'norm1{0}.meta2',
    'attention.query_key': 'attn.QK{0}',
    'attention.value': 'attn.V{0}',
    'attention.local': 'attn.conv{0}',
    'attention.proj': 'attn.proj{0}',
    'mlp.0': 'mlp{0}.mlp.0',
    'mlp.2': 'mlp{0}.mlp.2'
}


def _block(index: int, kind: str) -> dict[str, str]:
    place = f'{_SWIN}.layer1.blocks.{index}'
    return {
        ours: f'{place}.{theirs.format(kind)}'
        for ours, theirs in _BLOCK.items()
    }


def _layers() -> dict[str, str]:
    found = {
        f'encoder.{k}.conv': f'getSharedFeatures.conv_{k + 1}.conv2d'
        for k in range(3)
    }
    found |= {
        f'decoder.{k}.conv': f'cnnDecoder.decoder.{3 * k + 1}'
        for k in range(4)
    }
    for k in (0, 2):
        found[f'merge.{k}'] = f'cnnDecoder.fuseComplementFeatures.mlp.{k}'
    found['focus.embed.conv'] = f'{_SWIN}.patch_embed_mfif.proj'
    found['infrared.embed.conv'] = f'{_SWIN}.patch_embed_ivif.proj'
    found['unembed.conv'] = f'{_SWIN}.patch_unembed.proj.0'
    found['ending.mixing'] = f'{_SWIN}.layer1.weights_mfif.0'
    for branch, index, kind in (('focus', 0, '_mfif'), ('ending', 1, '_mfif'),
                                ('infrared', 0, '')):
        found |= {
            f'{branch}.block.{name}': other
            for name, other in _block(index, kind).items()
        }
    for k in range(2):
        place = f'{_SWIN}.layer1.blocks.{k}.attn.attn'
        found[f'biases.{k}.positions'] = f'{place}.relative_positions'
        found |= {
            f'biases.{k}.layers.{i}': f'{place}.meta.{i}' for i in (0, 2)
        }
    return found


def _unused(size: int = 98) -> dict[str, tuple[int, ...]]:
    """What only training needs: a block, factors, a decoder."""
    found: dict[str, tuple[int, ...]] = {
        f'{_SWIN}.layer1.{name}': (1, )
        for name in ('weights.0', 'weights.1', 'weights_mfif.1')
    }
    layers = {
        'norm.scale': (size, 1, 1, 1),
        'norm.shift': (size, 1, 1, 1),
        'attention.query_key': (2 * size, size, 1, 1),
        'attention.value': (size, size, 1, 1),
        'attention.local': (size, 1, 5, 5),
        'attention.proj': (size, size, 1, 1),
        'mlp.0': (2 * size, size, 1, 1),
        'mlp.2': (size, 2 * size, 1, 1)
    }
    names = _block(1, '')
    shapes = {names[name]: shape for name, shape in layers.items()}
    widths = (size, 64, 32, 16, 1)
    shapes |= {
        f'decoder_rec.decoder.{3 * k + 1}': (widths[k + 1], widths[k], 3, 3)
        for k in range(4)
    }
    for name, shape in shapes.items():
        found |= {f'{name}.weight': shape, f'{name}.bias': shape[:1]}
    for kind in ('weight', 'bias'):
        found[f'{names["norm"]}.{kind}'] = (1, size, 1, 1)
    return found


TABLES = (layer_table('gifnet', 'GIFNet', _layers(), unused=_unused()), )
