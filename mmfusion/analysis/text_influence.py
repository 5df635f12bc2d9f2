"""How much a text changes a text-guided fuser's images."""
import torch
from mmengine.dataset import pseudo_collate
from torch import nn

from mmfusion.apis.pairs import Pair, PairReader
from mmfusion.models.wrappers.finite import check_fused
from mmfusion.utils.errors import UsageError
from mmfusion.utils.progress import track


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
        (0 to 255); ``names``, the pairs that failed.

    Raises:
        UsageError: If the fuser takes no text, or no text differs.
    """
    if not getattr(model.fuser, 'needs_text', False):
        raise UsageError(f'Expected a text-guided fuser, got '
                         f'{type(model.fuser).__name__}.')
    texts = {
        pair.index: pair.result for pair in reader.run(
            lambda pairs: [pair.item['data_samples'].text for pair in pairs])
        if pair.error is None
    }
    order = list(texts)

    def change(pairs: list[Pair]) -> list[tuple[float, float] | None]:
        pair, = pairs
        place = order.index(pair.index) + swap
        own, other = texts[pair.index], texts[order[place % len(order)]]
        if torch.equal(own, other):
            return [None]
        images = []
        for text in (own, other):
            pair.item['data_samples'].text = text
            data = model.data_preprocessor(pseudo_collate([pair.item]), False)
            output = model.fuse(**data)
            check_fused(output, data['data_samples'])
            images.append(output.fused.clamp(0, 1))
        difference = 255 * (images[0] - images[1]).abs()
        return [(difference.mean().item(), difference.max().item())]

    changes, names = [], []
    for pair in track(reader.run(change), len(reader)):
        if pair.failure:
            names.append(': '.join(pair.failure))
        elif pair.result is not None:
            changes.append(pair.result)
    if not changes:
        raise UsageError('Expected pairs with different texts, got '
                         f'{len(texts)} pair(s) with one. Give each its own, '
                         'or another swap.')
    means, largest = zip(*changes, strict=True)
    return dict(pairs=len(means), mean_change=sum(means) / len(means),
                largest_change=max(largest), names=names)
