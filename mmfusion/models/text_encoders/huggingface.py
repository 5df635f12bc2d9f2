"""Text encoders of the ``transformers`` package, from local folders.

Nothing is ever downloaded: a folder written by ``save_pretrained`` or
fetched by the user is read, with weights and tokenizer in it.

- BLIP-2: Li et al., "BLIP-2", ICML 2023; the Q-Former's text branch.
- BERT: Devlin et al., "BERT", NAACL 2019.
- CLIP: Radford et al., "Learning Transferable Visual Models From Natural
  Language Supervision", ICML 2021.
- T5: Raffel et al., "Exploring the Limits of Transfer Learning with a
  Unified Text-to-Text Transformer", JMLR 2020.
"""
import warnings
from pathlib import Path
from pickle import UnpicklingError
from types import ModuleType
from typing import Any

from torch import Tensor

from mmfusion.registry import TEXT_ENCODERS
from mmfusion.utils.loading_guard import weights_only
from mmfusion.utils.packages import require_package

from .base import BaseTextEncoder


class HFTextEncoder(BaseTextEncoder):
    """Last hidden state of a text model of ``transformers``.

    The start and end tokens count as tokens of the text. Texts longer than
    ``max_length`` are cut, with a warning.

    Args:
        folder (str): Local folder with configuration, weights and
            tokenizer. Names of a hub are not taken.
        max_length (int, optional): Most tokens; defaults to what the model
            was made for.
        kwargs: See :class:`BaseTextEncoder`.

    Raises:
        FileNotFoundError: If the folder does not exist.
        ValueError: If it holds another model, lacks weights or a tokenizer,
            or ``max_length`` does not fit.
        ImportError: If ``transformers`` is not installed.
    """
    MODEL: str
    TOKENIZER: str
    #: Further arguments of the model's class.
    OPTIONS: dict = {}
    #: Model types (``config.json``) whose folders hold such a model.
    MODEL_TYPES: tuple

    def __init__(self, folder: str, max_length: int | None = None,
                 **kwargs: Any) -> None:
        super().__init__(**kwargs)
        transformers = require_package(
            'transformers', 'Run: pip install "mmfusion[text]" (or pip '
            'install transformers). Stored features need no encoder.')
        self.folder = str(folder)
        if not Path(folder).is_dir():
            raise FileNotFoundError(
                f'{type(self).__name__}: expected a local folder with '
                f'config.json, weights and tokenizer, got {self.folder!r}. '
                'Nothing is downloaded: fetch the files first '
                '(docs/text_guidance.md).')
        config = self._config(transformers)
        self.max_length = self._length(self.longest(config), max_length)
        self.tokenizer = self._tokenizer(transformers)
        self.model = self._model(transformers)
        self.model.requires_grad_(False)
        self.eval()
        embedding = self.model.get_input_embeddings()
        self.vocabulary = embedding.num_embeddings
        self.out_channels = embedding.embedding_dim

    def _config(self, transformers: ModuleType) -> Any:
        try:
            config = transformers.AutoConfig.from_pretrained(
                self.folder, local_files_only=True, trust_remote_code=False)
        except (OSError, ValueError) as error:
            raise ValueError(
                f'{self.folder}: expected the config.json of a '
                f'{self.MODEL}, got none that can be read ({error}).'
            ) from error
        if config.model_type not in self.MODEL_TYPES:
            raise ValueError(
                f'{self.folder}: {type(self).__name__} expects a model of '
                f'type {" or ".join(self.MODEL_TYPES)}, got '
                f'{config.model_type!r}.')
        return config

    @staticmethod
    def longest(config: Any) -> int:
        """Most tokens that the model of a configuration takes."""
        return config.max_position_embeddings

    def _length(self, longest: int, wanted: int | None) -> int:
        wanted = longest if wanted is None else wanted
        if not 3 <= wanted <= longest:
            raise ValueError(f'{type(self).__name__}: expected a max_length '
                             f'of 3 to {longest}, got {wanted}.')
        return wanted

    def _tokenizer(self, transformers: ModuleType) -> Any:
        kind = getattr(transformers, self.TOKENIZER)
        names = sorted(set(kind.vocab_files_names.values()))
        # without files transformers makes up a vocabulary of special tokens
        if not any(Path(self.folder, name).is_file() for name in names):
            raise ValueError(
                f'{self.folder}: expected the files of a {self.TOKENIZER} '
                f'({" or ".join(names)}), got none.')
        try:
            return kind.from_pretrained(self.folder, local_files_only=True)
        except Exception as error:  # which one depends on the damaged file
            raise ValueError(
                f'{self.folder}: the files of the {self.TOKENIZER} cannot be '
                f'read ({error}).') from error

    def _model(self, transformers: ModuleType) -> Any:
        try:
            kind = getattr(transformers, self.MODEL)
            with weights_only():
                model, info = kind.from_pretrained(self.folder,
                                                   local_files_only=True,
                                                   output_loading_info=True,
                                                   **self.OPTIONS)
        except (OSError, ValueError, RuntimeError, UnpicklingError) as error:
            raise ValueError(
                f'{self.folder}: expected the weights of {self.MODEL}, got '
                f'none that can be read ({error}).') from error
        # transformers draws at random what a checkpoint lacks
        missing = sorted(info['missing_keys'])
        if missing:
            raise ValueError(
                f'{self.folder}: the weights lack {len(missing)} of '
                f'{self.MODEL}, e.g. {missing[:3]}. Give the folder of a '
                'checkpoint that holds the text model.')
        return model.float()

    def encode_strings(self, texts: list[str]) -> list[Tensor]:
        """Features (L_i, C) of a few texts, real tokens only."""
        self._check_tokens(texts)
        tokens = self.tokenizer(texts, padding=True, truncation=True,
                                max_length=self.max_length,
                                return_attention_mask=True,
                                return_tensors='pt')
        device = next(self.model.parameters()).device
        mask = tokens['attention_mask'].bool()
        # No token_type_ids: half of these models do not take them, and
        # zeros are the others' default.
        hidden = self.model(input_ids=tokens['input_ids'].to(device),
                            attention_mask=tokens['attention_mask'].to(
                                device)).last_hidden_state.cpu()
        return [row[keep] for row, keep in zip(hidden, mask, strict=True)]

    def _check_tokens(self, texts: list[str]) -> None:
        special = set(self.tokenizer.all_special_ids)
        rows = self.tokenizer(texts, verbose=False)['input_ids']
        for text, row in zip(texts, rows, strict=True):
            # '\u2581' alone is a space
            words = self.tokenizer.convert_ids_to_tokens(
                [token for token in row if token not in special])
            if not any(word.strip('\u2581') for word in words):
                raise ValueError(
                    f'{self.folder}: every word of {text[:60]!r} is unknown '
                    'to the tokenizer. Its vocabulary is not that of the '
                    "model, or of the text's language.")
            if max(row) >= self.vocabulary:
                raise ValueError(
                    f'{self.folder}: the tokenizer gives token {max(row)}, '
                    f'but the model has {self.vocabulary}. Take both from '
                    'one checkpoint.')
        longer = [len(row) for row in rows if len(row) > self.max_length]
        if longer:
            warnings.warn(
                f'{type(self).__name__}: {len(longer)} of {len(texts)} texts '
                f'have more than {self.max_length} tokens (up to '
                f'{max(longer)}) and are cut.', stacklevel=2)

    def describe(self) -> dict:
        """Type, length, and what identifies the weights.

        Returns:
            dict: Sizes of the files stand in for a hash of gigabytes.
        """
        files = {
            path.name: path.stat().st_size
            for path in sorted(Path(self.folder).iterdir()) if path.is_file()
        }
        return dict(super().describe(), width=self.out_channels, files=files)


@TEXT_ENCODERS.register_module(name=['Blip2TextEncoder', 'blip2'])
class Blip2TextEncoder(HFTextEncoder):
    """Text branch of BLIP-2's Q-Former, which FILM's features come from.

    The width is 768 in the published models. The folder is one of an
    image-text-matching BLIP-2, whose Q-Former was trained with text.
    """
    MODEL = 'Blip2TextModelWithProjection'
    TOKENIZER = 'BertTokenizer'
    MODEL_TYPES = ('blip-2', )

    def _config(self, transformers: ModuleType) -> Any:
        config = super()._config(transformers)
        if not config.qformer_config.use_qformer_text_input:
            raise ValueError(
                f'{self.folder}: this BLIP-2 has a Q-Former without text '
                'input (use_qformer_text_input is false). Take an '
                'image-text-matching checkpoint.')
        return config

    @staticmethod
    def longest(config: Any) -> int:
        """Most tokens that the Q-Former takes."""
        return config.qformer_config.max_position_embeddings


@TEXT_ENCODERS.register_module(name=['BertTextEncoder', 'bert'])
class BertTextEncoder(HFTextEncoder):
    """BERT; width 768 in the base size."""
    MODEL = 'BertModel'
    TOKENIZER = 'BertTokenizer'
    OPTIONS = dict(add_pooling_layer=False)
    MODEL_TYPES = ('bert', )


@TEXT_ENCODERS.register_module(name=['CLIPTextEncoder', 'clip'])
class CLIPTextEncoder(HFTextEncoder):
    """CLIP's text tower: width 512 (B/32, B/16) or 768 (L/14).

    It takes 77 tokens; longer texts are cut. Split a paragraph into a tuple
    of sentences to keep all of it.
    """
    MODEL = 'CLIPTextModel'
    TOKENIZER = 'CLIPTokenizer'
    MODEL_TYPES = ('clip', 'clip_text_model')

    @staticmethod
    def longest(config: Any) -> int:
        """Most tokens that the text tower takes."""
        return getattr(config, 'text_config', config).max_position_embeddings


@TEXT_ENCODERS.register_module(name=['T5TextEncoder', 't5'])
class T5TextEncoder(HFTextEncoder):
    """T5's encoder; width 768 in the base size."""
    MODEL = 'T5EncoderModel'
    TOKENIZER = 'T5Tokenizer'
    MODEL_TYPES = ('t5', )

    @staticmethod
    def longest(config: Any) -> int:
        """Positions are relative; longer texts than 512 were not seen."""
        return getattr(config, 'n_positions', 512)
