"""Text to token features: encoders from local folders, and stored features.

Built through ``mmfusion.registry.TEXT_ENCODERS``.
"""
from .base import BaseTextEncoder, TextFeature, pad_text
from .batching import batch_text
from .hashing import HashTextEncoder
from .huggingface import (BertTextEncoder, Blip2TextEncoder, CLIPTextEncoder,
                          HFTextEncoder, T5TextEncoder)
from .precomputed import PrecomputedText

__all__ = [
    'BaseTextEncoder', 'BertTextEncoder', 'Blip2TextEncoder',
    'CLIPTextEncoder', 'HFTextEncoder', 'HashTextEncoder', 'PrecomputedText',
    'T5TextEncoder', 'TextFeature', 'batch_text', 'pad_text'
]
