"""The contract of text encoders, and batches of texts."""
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from mmengine.model import BaseModule
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from mmfusion.utils.errors import check_least

from .cache import RecentCache

Text = str | tuple[str, ...]


@dataclass
class TextFeature:
    """Token features of a batch of texts.

    Attributes:
        feat (Tensor): (B, L, C) float32, zero behind the end of a text.
        mask (Tensor): (B, L) bool, True for real tokens.
    """
    feat: Tensor
    mask: Tensor


def pad_text(features: Sequence[Tensor]) -> TextFeature:
    """Pad features to the longest.

    Args:
        features (sequence[Tensor]): (L_i, C) of each text.

    Returns:
        TextFeature: (B, max L_i, C) and its mask.
    """
    feat = pad_sequence(list(features), batch_first=True)
    lengths = torch.tensor([len(feature) for feature in features
                            ]).to(feat.device, non_blocking=True)
    positions = torch.arange(feat.shape[1], device=feat.device)
    return TextFeature(feat, positions < lengths[:, None])


class BaseTextEncoder(BaseModule):
    """Base of the encoders: batches, joins and remembers texts.

    Encoders are frozen: always in eval mode, without gradients, and no part
    of a fusion model's state dict. Several texts of one pair (a tuple) are
    encoded one by one and joined along the tokens, as the VLF data set does
    with its two paragraphs.

    Subclasses set ``out_channels`` and ``max_length`` and implement
    :meth:`encode_strings`.

    Args:
        batch_size (int): Most texts that are encoded at once.
        cache_size (int): Number of texts whose features stay in memory, so
            that the frames of a video encode their text once.

    Attributes:
        out_channels (int): Width C of a feature.
        max_length (int): Most tokens of one text; longer ones are cut.
    """
    out_channels: int
    max_length: int

    def __init__(self, batch_size: int = 16, cache_size: int = 256) -> None:
        super().__init__()
        check_least(1, batch_size=batch_size)
        self.batch_size = batch_size
        self._cache = RecentCache(cache_size)

    def train(self, mode: bool = True) -> 'BaseTextEncoder':
        """Stays in eval mode."""
        return super().train(False)

    def encode(self, texts: Sequence[Text]) -> TextFeature:
        """Encode a batch of texts.

        Args:
            texts (sequence[str | tuple[str, ...]]): A text, or several
                texts, of each pair.

        Returns:
            TextFeature: On the CPU.

        Raises:
            ValueError: See :meth:`features`.
        """
        return pad_text(self.features(texts))

    @torch.no_grad()
    def features(self, texts: Sequence[Text]) -> list[Tensor]:
        """Encode texts without padding.

        Args:
            texts (sequence[str | tuple[str, ...]]): As for :meth:`encode`.

        Returns:
            list[Tensor]: (L_i, C) float32 on the CPU.

        Raises:
            ValueError: If there is no text, or it is empty or unknown to
                the tokenizer.
        """
        groups = [(text, ) if isinstance(text, str) else tuple(text)
                  for text in texts]
        for group in groups:
            if not group or not all(
                    isinstance(text, str) and text.strip() for text in group):
                raise ValueError('Expected a text, or a tuple of texts, for '
                                 f'each pair, got {group!r}.')
        known = self._known({text for group in groups for text in group})
        return [torch.cat([known[text] for text in group]) for group in groups]

    def _known(self, texts: set) -> dict[str, Tensor]:
        known = {text: self._cache.get(text) for text in sorted(texts)}
        fresh = [text for text, value in known.items() if value is None]
        for first in range(0, len(fresh), self.batch_size):
            batch = fresh[first:first + self.batch_size]
            for text, value in zip(batch, self.encode_strings(batch),
                                   strict=True):
                known[text] = value.float().cpu()
                self._cache.put(text, known[text])
        return known

    def encode_strings(self, texts: list[str]) -> list[Tensor]:
        """Features (L_i, C) of a few texts, real tokens only."""
        raise NotImplementedError(
            f'{type(self).__name__} must implement encode_strings(texts).')

    def describe(self) -> dict:
        """What the features depend on, to be stored beside them."""
        return dict(type=type(self).__name__, max_length=self.max_length)
