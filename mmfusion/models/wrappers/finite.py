"""Images that are no images: NaN and infinite values are told, not saved."""
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from mmfusion.structures import FuserOutput, FusionDataSample
from mmfusion.structures.fusion_data_sample import sample_name
from mmfusion.utils.errors import UsageError


def check_fused(output: FuserOutput,
                names: Sequence[str | FusionDataSample]) -> None:
    """Raise where a fused image has NaN or infinite values.

    They would become black pixels, or a black image. The luminance is looked
    at where there is one, all channels else, by one sum of all values and one
    transfer from the device.

    Args:
        output (FuserOutput): Of a batch.
        names (sequence[str | FusionDataSample]): What each image is called,
            or its sample.

    Raises:
        UsageError: Names the first such image.
    """
    # before colours are joined and clamped, where infinity turns into white
    values = output.fused if output.luma is None else output.luma
    _check(_sum(values), names, 'a fused image')


def check_logits(data_samples: Sequence[FusionDataSample]) -> None:
    """The same of ``seg_logits``, whose largest may be NaN: class 0.

    Raises:
        UsageError: Names the first such image.
    """
    found = [sample for sample in data_samples if 'seg_logits' in sample]
    if found:
        sums = [_sum(sample.seg_logits.data[None]) for sample in found]
        _check(torch.cat(sums), found, 'logits')


def _sum(values: Tensor) -> Tensor:
    """Of each image (B, ...); half precision would overflow."""
    dtype = torch.promote_types(values.dtype, torch.float32)
    return values.detach().sum(tuple(range(1, values.ndim)), dtype=dtype)


def _check(sums: Tensor, names: Sequence[Any], what: str) -> None:
    finite = sums.isfinite()
    if bool(finite.all()):
        return
    index = finite.tolist().index(False)
    name = names[index]
    if not isinstance(name, str):
        name = sample_name(name, index)
    raise UsageError(
        f'{name}: expected {what} of finite values, got NaN or infinity. '
        'Look for them in its files; if no image is spared, in the weights.')
