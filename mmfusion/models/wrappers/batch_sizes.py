"""Batches of several sizes: each image as if it were alone."""
from collections import defaultdict
from collections.abc import Callable

import torch
from mmengine.model import BaseDataPreprocessor
from torch import Tensor

from mmfusion.structures import FusionDataSample

SampleList = list[FusionDataSample]


def by_size(predict: Callable[[Tensor, SampleList], SampleList],
            inputs: Tensor, data_samples: SampleList | None,
            preprocessor: BaseDataPreprocessor) -> SampleList:
    """Predictions that do not depend on what else is in a batch.

    A network sees the frame that pads an image to the size of a larger one.
    So the frame is cut off again, and images of one size run together.

    Args:
        predict (callable): Of a batch, one sample an image.
        inputs (Tensor): Stacked modalities, (B, C, H, W).
        data_samples (list[FusionDataSample], optional): Those that the
            preprocessor padded have ``pad_shape``, (H, W), and
            ``img_shape``; the others are taken for as large as the batch.
        preprocessor (BaseDataPreprocessor): What one image alone is padded
            to is said by its ``padded_size``, where it has one.

    Returns:
        list[FusionDataSample]: In the order of the batch.
    """
    if not data_samples:
        return predict(inputs, data_samples)
    whole = (inputs.shape[2], inputs.shape[3])
    padded_size = getattr(preprocessor, 'padded_size', tuple)
    groups = defaultdict(list)
    for index, sample in enumerate(data_samples):
        size = whole
        if tuple(sample.get('pad_shape', ())[:2]) == whole:
            size = tuple(map(min, whole, padded_size(sample.img_shape[:2])))
        # a fuser may do without text, if no image of the batch has one
        groups[size, sample.get('text') is None].append(index)
    if len(groups) == 1 and size == whole:
        return predict(inputs, data_samples)
    done = {}
    for (size, _), indices in groups.items():
        samples = [data_samples[index] for index in indices]
        for sample in samples:
            _cut(sample, whole, size)
        # not by a list, which a GPU would wait for
        part = torch.stack(
            [inputs[index, :, :size[0], :size[1]] for index in indices])
        done.update(zip(indices, predict(part, samples), strict=True))
    return [done[index] for index in range(len(data_samples))]


def _cut(sample: FusionDataSample, before: tuple[int, int],
         after: tuple[int, int]) -> None:
    """Let a sample tell of a smaller frame."""
    if before == after:
        return
    sample.set_metainfo(dict(pad_shape=after))
    for key in ('padding_size', 'img_padding_size'):
        if key in sample:
            left, right, top, bottom = sample.get(key)
            sample.set_metainfo({
                key: (left, right - before[1] + after[1], top,
                      bottom - before[0] + after[0])
            })
