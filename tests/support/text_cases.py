"""Tiny text encoders on disk, and a text-guided fuser."""
import string
from pathlib import Path

import torch
from torch import nn

from mmfusion.models.fusers import BaseFuser
from mmfusion.registry import MODELS
from tests.support.h5_cases import WIDTH

WORDS = ('a', 'street', 'at', 'night', 'with', 'two', 'cars', 'man', 'lamp')


@MODELS.register_module(force=True)
class TextGateFuser(BaseFuser):
    """Weighs the two luminances by the mean of the real tokens."""
    needs_text = True

    def __init__(self, text_channels=WIDTH, **kwargs):
        super().__init__(**kwargs)
        self.gate = nn.Linear(text_channels, 1)

    def fuse_luma(self, vis_luma, ir, text, text_mask=None):
        if text_mask is None:
            text_mask = torch.ones(text.shape[:2], dtype=torch.bool)
        keep = text_mask.to(text)[..., None]
        mean = (text * keep).sum(1) / keep.sum(1)
        weight = self.gate(mean).sigmoid()[..., None, None]
        return weight * vis_luma + (1 - weight) * ir


def _wordpiece_tokenizer(extra=()):
    from transformers import BertTokenizer
    tokens = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]', *WORDS, *extra]
    return BertTokenizer(vocab={token: i for i, token in enumerate(tokens)})


def _bert(full):
    from transformers import BertConfig, BertForMaskedLM, BertModel
    config = BertConfig(vocab_size=32, hidden_size=WIDTH, num_hidden_layers=2,
                        num_attention_heads=2, intermediate_size=32,
                        max_position_embeddings=20)
    model = BertForMaskedLM(config) if full else BertModel(
        config, add_pooling_layer=False)
    return model, _wordpiece_tokenizer()


def _blip2(full):
    import transformers
    config = transformers.Blip2Config(
        vision_config=dict(hidden_size=16, intermediate_size=16,
                           num_hidden_layers=1, num_attention_heads=2,
                           image_size=28, patch_size=14),
        qformer_config=dict(vocab_size=32, hidden_size=WIDTH,
                            num_hidden_layers=2, num_attention_heads=2,
                            intermediate_size=32, encoder_hidden_size=16,
                            max_position_embeddings=20,
                            use_qformer_text_input=True), num_query_tokens=2,
        image_text_hidden_size=8)
    kind = (transformers.Blip2ForImageTextRetrieval
            if full else transformers.Blip2TextModelWithProjection)
    return kind(config), _wordpiece_tokenizer(['[DEC]'])


def _clip(full):
    from transformers import (CLIPConfig, CLIPModel, CLIPTextConfig,
                              CLIPTextModel, CLIPTokenizer)
    letters = string.ascii_lowercase
    tokens = [
        '<|startoftext|>', '<|endoftext|>', *letters,
        *(f'{letter}</w>' for letter in letters)
    ]
    tokenizer = CLIPTokenizer(
        vocab={
            token: i for i, token in enumerate(tokens)
        }, merges=[])
    text = dict(vocab_size=len(tokens), hidden_size=WIDTH,
                intermediate_size=32, num_hidden_layers=2,
                num_attention_heads=2, projection_dim=8,
                max_position_embeddings=20, bos_token_id=0, eos_token_id=1,
                pad_token_id=1)
    if not full:
        return CLIPTextModel(CLIPTextConfig(**text)), tokenizer
    vision = dict(hidden_size=16, intermediate_size=16, num_hidden_layers=1,
                  num_attention_heads=2, image_size=28, patch_size=14,
                  projection_dim=8)
    return CLIPModel(
        CLIPConfig(text_config=text, vision_config=vision,
                   projection_dim=8)), tokenizer


def _t5(full):
    from transformers import (T5Config, T5EncoderModel,
                              T5ForConditionalGeneration, T5Tokenizer)
    pieces = [('<pad>', 0.0), ('</s>', 0.0), ('<unk>', 0.0)]
    pieces += [(f'\u2581{word}', -2.0) for word in WORDS]
    config = T5Config(vocab_size=32, d_model=WIDTH, d_kv=8, d_ff=32,
                      num_layers=1, num_heads=2, decoder_start_token_id=0,
                      n_positions=20)
    kind = T5ForConditionalGeneration if full else T5EncoderModel
    return kind(config), T5Tokenizer(vocab=pieces, extra_ids=0)


KINDS = dict(bert=_bert, blip2=_blip2, clip=_clip, t5=_t5)


def save_encoder(folder, kind='bert', full=False) -> str:
    """Write a tiny encoder; ``full`` writes a checkpoint that holds more."""
    torch.manual_seed(0)
    folder = Path(folder)
    model, tokenizer = KINDS[kind](full)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return str(folder)
