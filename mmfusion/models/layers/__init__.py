from .attention import pixel_attention
from .colour import luma, rgb_to_ycbcr, weighted_chroma, ycbcr_to_rgb
from .conv_block import FReLU, GlobalAttention, conv_norm_act
from .gradient import filter2d, second_sobel, sobel
from .memory import apply_to_concat, recompute, trim_heap

__all__ = [
    'FReLU', 'GlobalAttention', 'apply_to_concat', 'conv_norm_act',
    'filter2d', 'luma', 'pixel_attention', 'recompute', 'rgb_to_ycbcr',
    'second_sobel', 'sobel', 'trim_heap', 'weighted_chroma', 'ycbcr_to_rgb'
]
