"""Give each sample the feature of its text."""
from typing import Any

import numpy as np

from mmfusion.fileio import (as_text_feature, read_captions, read_text_feature,
                             sample_stem)
from mmfusion.registry import TEXT_ENCODERS, TRANSFORMS

from .shown import ShownTransform


@TRANSFORMS.register_module()
class LoadTextFeatures(ShownTransform):
    """Load or compute the text feature that guides a pair's fusion.

    The text is looked for in this order:

    1. the sample's own ``text``: a feature, or captions to be encoded;
    2. ``features``, by the pair's stem;
    3. ``captions``, by the pair's stem, to be encoded;
    4. where neither of the two is set, the files under ``text_path``.

    Encoding at load time suits a few pairs, or many of one text: features
    are kept by caption. For training, store them first
    (``tools/dataset_converters/make_text_features.py``).

    Optional keys: ``stem`` or ``vis_path``, ``text`` (array (L, C), str or
    tuple[str, ...]), ``text_path`` (see :func:`read_text_feature`).

    Added key: ``text``, (L, C) float32.

    Args:
        features (str, optional): Folder or file of stored features; see
            :class:`PrecomputedText`.
        captions (str, optional): See :func:`read_captions`; needs an
            encoder.
        encoder (dict, optional): Config of a ``TEXT_ENCODERS`` type.

    Raises:
        FileNotFoundError: If a file or folder does not exist.
        ValueError: If captions have no encoder, or a sample no text or one
            that is damaged; names the image.
    """

    def __init__(self, features: str | None = None,
                 captions: str | None = None,
                 encoder: dict | None = None) -> None:
        if captions is not None and encoder is None:
            raise ValueError(
                'LoadTextFeatures: expected an encoder for the captions, got '
                "none. Set encoder=dict(type='Blip2TextEncoder', "
                'folder=DIR), or store features first and give features=.')
        self.features = features
        self.captions = captions
        self._store = None if features is None else TEXT_ENCODERS.build(
            dict(type='PrecomputedText', path=features))
        self._texts = {} if captions is None else read_captions(captions)
        self._encoder = encoder and TEXT_ENCODERS.build(encoder)

    def transform(self, results: dict) -> dict:
        """Add ``text``."""
        text = results.get('text')
        source = _source(results)
        if text is None:
            text = self._find(results, source)
        if isinstance(text, (str, tuple, list)):
            text = self._encode(text, source)
        results['text'] = as_text_feature(text, source)
        return results

    def _find(self, results: dict, source: str) -> Any:
        stem = sample_stem(results)
        if self._store is not None and stem in self._store:
            return self._store.load(stem)
        if stem in self._texts:
            return self._texts[stem]
        looked = []
        if self._store is not None:
            looked.append(f'{self.features} has {len(self._store)} other '
                          'features')
        if self._texts:
            looked.append(f'{self.captions} has {len(self._texts)} other '
                          'captions')
        if not looked and results.get('text_path'):
            return read_text_feature(results['text_path'])
        raise ValueError(
            f'{source}: expected a text for the stem {stem!r}, got none '
            f'({", ".join(looked) or "no features or captions are named"}). '
            'Give LoadTextFeatures features= or captions= of this data set.')

    def _encode(self, text: Any, source: str) -> np.ndarray:
        if self._encoder is None:
            raise ValueError(
                f'{source}: expected a text encoder for the caption '
                f'{text!r}, got none. Set encoder=dict(type=..., folder=DIR) '
                "of LoadTextFeatures (FusionInferencer: text_encoder="
                "'blip2=DIR').")
        text = text if isinstance(text, str) else tuple(text)
        try:
            return self._encoder.features([text])[0].numpy()
        except ValueError as error:
            raise ValueError(f'{source}: {error}') from error


def _source(results: dict) -> str:
    return str(
        results.get('vis_path') or results.get('img_path')
        or results.get('stem') or 'an unnamed pair')
