"""Attention over the pixels of feature maps."""

import torch.nn.functional as F
from torch import Tensor


def pixel_attention(query: Tensor, key: Tensor, value: Tensor,
                    scale: float | None = None) -> Tensor:
    """``softmax(scale * query key^T) value`` between all pixels.

    The map between pixels is never stored: the tokens go to PyTorch's fused
    kernel, channels last and contiguous, as that kernel demands.

    Args:
        query (Tensor): (B, C, H, W).
        key (Tensor): (B, C, h, w).
        value (Tensor): (B, C, h, w).
        scale (float, optional): Defaults to ``1 / sqrt(C)``.

    Returns:
        Tensor: (B, C, H, W).
    """
    tokens = [
        x.flatten(2).transpose(1, 2).contiguous().unsqueeze(1)
        for x in (query, key, value)
    ]
    out = F.scaled_dot_product_attention(*tokens, scale=scale)
    out = out.squeeze(1).transpose(1, 2)
    # a view; ONNX has no unflatten before opset 13
    return out.reshape(*out.shape[:2], *query.shape[-2:])
