"""How much a text changes a text-guided fuser's images."""

import torch
from mmengine.dataset import pseudo_collate
from torch import nn

from mmfusion.apis.pairs import FailedPair, PairReader
from mmfusion.utils.errors import UsageError
from mmfusion.utils.progress import track


@torch.no_grad()
def text_influence(model: nn.Module, reader: PairReader,
                   swap: int = 1) -> dict[str, object]:
    """Fuse each pair with its own text and with that of another pair.

    Args:
        model (nn.Module): A wrapper whose fuser needs text.
        reader (PairReader): The pairs, with text.
        swap (int): How many pairs further the other text is from.

    Returns:
        dict: ``pairs``, number of pairs whose other text differs; their
        ``mean_change`` and ``largest_change`` of pixels in grey levels
        (0 to 255); ``names``, the pairs that could not be read.

    Raises:
        UsageError: If the fuser takes no text, or no text differs.
    """
    if not getattr(model.fuser, 'needs_text', False):
        raise UsageError(f'Expected a text-guided fuser, got '
                         f'{type(model.fuser).__name__}.')
    good, names = _read(reader)
    texts = [item['data_samples'].text for item in good]
    means: list[float] = []
    largest = 0.
    for index, item in enumerate(track(good, len(good))):
        other = texts[(index + swap) % len(texts)]
        if torch.equal(other, texts[index]):
            continue
        images = []
        for feature in (texts[index], other):
            item['data_samples'].text = feature
            data = model.data_preprocessor(pseudo_collate([item]), False)
            images.append(
                model.fuse(data['inputs'],
                           data['data_samples']).fused.clamp(0, 1))
        change = 255 * (images[0] - images[1]).abs()
        means.append(change.mean().item())
        largest = max(largest, change.max().item())
    if not means:
        raise UsageError('Expected pairs with different texts, got '
                         f'{len(good)} pair(s) with one. Give each its own, '
                         'or another swap.')
    return dict(pairs=len(means), mean_change=sum(means) / len(means),
                largest_change=largest, names=names)


def _read(reader: PairReader) -> tuple:
    """Packed pairs, and the names of those that failed."""
    good, names = [], []
    for _, (item, ) in reader.batches(1):
        if isinstance(item, FailedPair):
            names.append(f'{item.name}: {item.reason}')
        else:
            good.append(item)
    return good, names
