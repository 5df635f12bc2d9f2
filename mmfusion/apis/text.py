"""Text for text-guided fusers at inference: flags to a transform."""
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import nn

from mmfusion.datasets.transforms import LoadTextFeatures
from mmfusion.registry import TEXT_ENCODERS
from mmfusion.utils.config_file import type_name
from mmfusion.utils.errors import UsageError

_STEP = 'LoadTextFeatures'


@dataclass(frozen=True)
class TextOptions:
    """Where text-guided fusers find the text of pairs.

    Args:
        text_features (str, optional): Stored features; see
            :class:`mmfusion.models.text_encoders.PrecomputedText`.
        captions (str, optional): Captions of the pairs without stored
            features, see :func:`mmfusion.fileio.read_captions`.
        text_encoder (str | dict, optional): What encodes captions:
            ``'TYPE=FOLDER'``, such as ``'blip2=DIR'``, or a config of
            ``TEXT_ENCODERS``.
    """
    text_features: str | None = None
    captions: str | None = None
    text_encoder: str | dict | None = None

    def step(self) -> LoadTextFeatures | None:
        """The transform that gives pairs their text; None for none.

        Raises:
            FileNotFoundError: If a file or folder does not exist.
            UsageError: If something does not fit; says what.
        """
        if self == TextOptions():
            return None
        encoder = self.text_encoder
        if isinstance(encoder, str):
            encoder = parse_encoder(encoder)
        try:
            return LoadTextFeatures(self.text_features, self.captions, encoder)
        except (ValueError, ImportError) as error:
            raise UsageError(str(error)) from error


def parse_encoder(word: str) -> dict:
    """Config of an encoder from ``TYPE=FOLDER``, or ``hash``.

    Raises:
        UsageError: If the word has another form, or the type is not known.
    """
    kind, equals, folder = word.partition('=')
    if word.lower() == 'hash':  # needs no files
        return dict(type='hash')
    if not (kind and equals and folder):
        raise UsageError('Expected a text encoder as TYPE=DIR, such as '
                         f'blip2=checkpoints/blip2, got {word!r}.')
    if TEXT_ENCODERS.get(kind) is None:
        kind = kind.lower()
    if TEXT_ENCODERS.get(kind) is None:
        known = ', '.join(
            sorted(name for name in TEXT_ENCODERS.module_dict
                   if name.islower()))
        raise UsageError(f'Expected a text encoder of the types {known}, got '
                         f'{kind!r} in {word!r}.')
    return dict(type=kind, folder=folder)


def with_text_step(pipeline: list, step: Any) -> list:
    """The pipeline with ``step`` in front, in place of its own."""
    return [step, *(other for other in pipeline if not is_text_step(other))]


def is_text_step(step: Any) -> bool:
    """Whether a transform, or its config, loads text."""
    if isinstance(step, dict):
        return type_name(step['type']) == _STEP
    return isinstance(step, LoadTextFeatures)


def use_in_dataset(node: dict, step: Any) -> None:
    """Put ``step`` into the pipelines of a dataset's config, wrapped or not.
    """
    for part in node.get('datasets') or ():
        use_in_dataset(part, step)
    if node.get('dataset'):
        use_in_dataset(node['dataset'], step)
    if node.get('pipeline') is not None:
        node['pipeline'] = with_text_step(node['pipeline'], step)


def needs_text(model: nn.Module) -> bool:
    """Whether a wrapper's fuser is guided by text."""
    return getattr(model.fuser, 'needs_text', False)


def text_of_each(text: Any, count: int) -> list[Any]:
    """One text a pair.

    Args:
        text: None, one text for all pairs, or a list of one each. A text is
            a caption, a tuple of captions or a feature (L, C).
        count (int): Number of pairs.

    Raises:
        ValueError: If the list has another length.
    """
    if not isinstance(text, list):
        return [text] * count
    if len(text) != count:
        raise ValueError(f'Expected one text for all pairs, or a list of '
                         f'{count}, got a list of {len(text)}.')
    return text


def with_text(sample: dict, text: Any) -> dict:
    """A raw sample with its text, where there is one."""
    if text is None:
        return sample
    if not isinstance(text, (str, tuple)):
        text = np.asarray(text)
    return dict(sample, text=text)
