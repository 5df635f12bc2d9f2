"""DATFuse (TCSVT 2023)."""
from .table import layer_table


def transformer_layers(depth: int) -> dict[str, str]:
    """Layers of a ``PixelTransformer``, by the names in DATFuse and MATR."""
    parts = dict(norm1='norm1', qkv='attn.qkv', proj='attn.proj',
                 norm2='norm2') | {
                     'mlp.0': 'mlp.fc1',
                     'mlp.2': 'mlp.fc2'
                 }
    return {
        f'transformer.blocks.{k}.{ours}': f'basicLayer.blocks.{k}.{theirs}'
        for k in range(depth) for ours, theirs in parts.items()
    }


def transformer_unused(depth: int) -> dict[str, tuple[int, ...]]:
    """Shapes of what has no influence in both."""
    tables = {
        f'basicLayer.blocks.{k}.attn.relative_position_{name}': shape
        for k in range(depth)
        for name, shape in dict(bias_table=(1, 8), index=(1, 1)).items()
    }
    return {
        'patch_embed.norm.weight': (96, ),
        'patch_embed.norm.bias': (96, ),
        **tables
    }


TABLES = (layer_table(
    'datfuse', 'DATFuse', {
        'stem.conv': 'convolutional.conv',
        'stem.norm': 'convolutional.bn',
        'attention.layer.conv': 'fem.conv',
        'attention.layer.norm': 'fem.bn',
        'attention.channel.0.conv': 'cam.fc.0',
        'attention.channel.1.conv': 'cam.fc.2',
        'attention.spatial.0.conv': 'sam.body.0',
        'attention.spatial.0.norm': 'sam.body.1',
        'attention.spatial.1.conv': 'sam.body.3',
        'attention.spatial.1.norm': 'sam.body.4',
        **transformer_layers(2), 'out': 'convolutional_out.conv'
    }, unused=transformer_unused(2)), )
