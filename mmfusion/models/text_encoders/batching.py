"""From the texts of a batch of samples to a fuser's inputs."""

import torch
from torch import Tensor

from mmfusion.structures.fusion_data_sample import (FusionDataSample,
                                                    sample_name)

from .base import pad_text


def batch_text(data_samples: list[FusionDataSample] | None, fuser: str,
               device: str | torch.device) -> dict[str, Tensor]:
    """Pad the texts of a batch.

    Args:
        data_samples (list[FusionDataSample], optional): With ``text``.
        fuser (str): Name of the fuser, for messages.
        device (str | torch.device): Where the tensors go.

    Returns:
        dict[str, Tensor]: ``text`` (B, L, C) float32 and ``text_mask``
        (B, L) bool, True for real tokens.

    Raises:
        ValueError: If there are no samples, one has no text, or widths
            differ; names the files.
    """
    if data_samples is None:
        raise ValueError(
            f'{fuser} is guided by text: expected data_samples with text, '
            'got none. Give each image a FusionDataSample with '
            'text=Tensor(L, C).')
    widths = {}
    for index, sample in enumerate(data_samples):
        text, name = sample.get('text'), repr(sample_name(sample, index))
        if text is None:
            raise ValueError(
                f'{fuser} is guided by text, but there is none for {name}. '
                'Put dict(type=\'LoadTextFeatures\', features=FILE_OR_DIR) '
                'before PackFusionInputs in the pipeline; test_fusion.py '
                'takes --text-features (docs/text_guidance.md).')
        if text.ndim != 2 or not len(text):
            raise ValueError(f'{fuser}: expected a text feature (L, C) of '
                             f'{name}, got {tuple(text.shape)}.')
        widths.setdefault(text.shape[1], name)
    if len(widths) > 1:
        told = ', '.join(f'{width} of {name}'
                         for width, name in widths.items())
        raise ValueError(f'{fuser}: expected text features of one width, '
                         f'got {told}. Encode all of them alike.')
    padded = pad_text([
        sample.text.to(device=device, dtype=torch.float32)
        for sample in data_samples
    ])
    return dict(text=padded.feat, text_mask=padded.mask)
