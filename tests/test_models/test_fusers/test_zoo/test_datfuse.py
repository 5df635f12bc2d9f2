"""DATFuse, and the tokens that depend on the width of the image."""
import torch

from mmfusion.models.fusers.zoo.layers import PixelTransformer
from tests.support.zoo import Golden, Published, ZooMenu, fill


class TestDATFuse(ZooMenu):
    method, folder, kind = 'datfuse', 'DATFuse', 'DATFuse'
    golden = (Golden('DATFuse', 'model_10.pth'), )
    published = (Published(('fusion_tno_01', ), 'model_10.pth', mean=1e-3), )
    fills = (-0.3932286, 0.6948839, -0.4779768, -0.9767888, -0.9481226,
             -0.4731725, 0.4795395, -0.9562420)


def attended(x, block):
    """A block with its attention written out, of tokens (1, N, 4)."""
    query, key, value = block.qkv(block.norm1(x)).chunk(3, -1)
    # a window is one token: the softmax over it is one
    weight = (query * key).sum(-1, keepdim=True).unsqueeze(-1).softmax(-1)
    x = x + block.proj((weight * value.unsqueeze(-1)).squeeze(-1))
    return x + block.mlp(block.norm2(x))


@torch.no_grad()
def test_tokens_are_neighbours_in_memory():
    """Also of maps that lie channels last in memory."""
    transformer = fill(PixelTransformer(4, 2))
    x = torch.randn(1, 4, 5, 7)
    tokens = x.contiguous().view(1, 35, 4)
    for block in transformer.blocks:
        tokens = attended(tokens, block)
    expected = tokens.view(1, 4, 5, 7)
    torch.testing.assert_close(transformer(x), expected)
    last = x.to(memory_format=torch.channels_last)
    torch.testing.assert_close(transformer(last), expected)
