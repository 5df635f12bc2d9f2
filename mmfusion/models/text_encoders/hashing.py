"""Words as fixed random vectors: a text encoder that needs no files."""
import hashlib
import re

import torch
from torch import Tensor

from mmfusion.registry import TEXT_ENCODERS
from mmfusion.utils.errors import check_least

from .base import BaseTextEncoder


@TEXT_ENCODERS.register_module(name=['HashTextEncoder', 'hash'])
class HashTextEncoder(BaseTextEncoder):
    """Gives each word a vector of its own, drawn from the word's hash.

    The vectors tell words apart and mean nothing: ``car`` is as far from
    ``cars`` as from ``tree``. For tests, for demonstrations, and to train a
    small text-guided fuser where no encoder is at hand.

    Args:
        out_channels (int): Width of a vector. Defaults to 768.
        seed (int): Another number gives other vectors.
        max_length (int, optional): Words of a text; others are left out.
            Defaults to 512.
        kwargs: See :class:`BaseTextEncoder`.

    Raises:
        ValueError: If a text has no word, or ``out_channels`` is below 1.
    """

    def __init__(self, out_channels: int = 768, seed: int = 0,
                 max_length: int | None = None, **kwargs) -> None:
        super().__init__(**kwargs)
        check_least(1, out_channels=out_channels)
        self.out_channels = out_channels
        self.seed = seed
        self.max_length = max_length or 512

    def encode_strings(self, texts: list[str]) -> list[Tensor]:
        """Standard normal (words, out_channels) of each text."""
        return [
            torch.stack([self._vector(word) for word in self._words(text)])
            for text in texts
        ]

    def _words(self, text: str) -> list[str]:
        words = re.findall(r'\w+', text.lower())[:self.max_length]
        if not words:
            raise ValueError(f'Expected a text with words, got {text!r}.')
        return words

    def _vector(self, word: str) -> Tensor:
        digest = hashlib.sha256(f'{self.seed} {word}'.encode()).digest()
        generator = torch.Generator().manual_seed(
            int.from_bytes(digest[:8], 'little', signed=True))
        return torch.randn(self.out_channels, generator=generator)

    def describe(self) -> dict:
        """What the features depend on."""
        return dict(super().describe(), out_channels=self.out_channels,
                    seed=self.seed)
