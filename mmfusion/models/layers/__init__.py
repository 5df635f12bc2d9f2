from .attention import pixel_attention
from .colour import luma, rgb_to_ycbcr, weighted_chroma, ycbcr_to_rgb
from .colour_formulas import ColourFormula, to_levels
from .conv_block import FReLU, GlobalAttention, conv_norm_act
from .gradient import filter2d, laplacian, second_sobel, sobel
from .memory import apply_to_concat, recompute, trim_heap
from .vgg import VGG19_TAPS, VGGFeatures, shared_features

__all__ = [
    'ColourFormula', 'FReLU', 'GlobalAttention', 'VGG19_TAPS', 'VGGFeatures',
    'apply_to_concat', 'conv_norm_act', 'filter2d', 'laplacian', 'luma',
    'pixel_attention', 'recompute', 'rgb_to_ycbcr', 'second_sobel',
    'shared_features', 'sobel', 'to_levels', 'trim_heap', 'weighted_chroma',
    'ycbcr_to_rgb'
]
