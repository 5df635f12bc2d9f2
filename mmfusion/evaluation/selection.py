"""What the words after ``--eval``, ``--preset`` and ``--metrics`` mean."""
from collections.abc import Sequence
from typing import Any

from mmfusion.functional import PRESETS, select_metrics
from mmfusion.utils.errors import UsageError

#: what --eval of test.py chooses of mmseg's IoUMetric
IOU_METRICS = ('mIoU', 'mDice', 'mFscore')
#: and of mmdet's CocoMetric
COCO_METRICS = ('bbox', 'segm')


def split_words(words: Sequence[str]) -> list[str]:
    """``['EN,SD', 'VIF']`` -> ``['EN', 'SD', 'VIF']``."""
    return [
        name for word in words for name in word.replace(' ', '').split(',')
        if name
    ]


def parse_selection(words: Sequence[str]) -> dict[str, Any]:
    """Keyword arguments ``preset`` and ``metrics`` of what is asked for.

    Args:
        words (sequence[str]): ``'fusion'`` or ``'default'``, another preset,
            names of metrics (of that preset where it is given too), or
            ``'all'``; commas separate as spaces do.

    Returns:
        dict: ``preset`` (str) and ``metrics`` (list[str] | ``'all'`` |
        None), as :func:`~mmfusion.functional.compute` takes them.

    Raises:
        ValueError: For unknown names and for two presets.
    """
    names = split_words(words)
    presets = list(
        dict.fromkeys('default' if name.lower() == 'fusion' else name.lower()
                      for name in names
                      if name.lower() in (*PRESETS, 'fusion')))
    if len(presets) > 1:
        raise ValueError(
            f'Expected one preset, got {", ".join(presets)}. Their numbers '
            'do not belong in one table: measure twice.')
    metrics: Any = [
        name for name in names if name.lower() not in (*PRESETS, 'fusion')
    ]
    if [name.lower() for name in metrics] == ['all']:
        metrics = 'all'
    chosen = dict(preset=presets[0] if presets else 'default', metrics=metrics
                  or None)
    try:
        select_metrics(**chosen)
    except ValueError as error:
        raise ValueError(f'{error} Presets: {", ".join(PRESETS)}.') from error
    return chosen


def parse_eval(words: Sequence[str], with_task: bool = False) -> dict:
    """``preset`` and ``metrics`` that the words of ``--eval`` mean.

    Args:
        words (sequence[str]): Names.
        with_task (bool): Whether the message also names what ``IoUMetric``
            and ``CocoMetric`` know. Defaults to False.

    Raises:
        UsageError: If a name is not known.
    """
    try:
        return parse_selection(words)
    except ValueError as error:
        known = (f'names of {list(IOU_METRICS)} or {list(COCO_METRICS)}, or '
                 if with_task else '')
        raise UsageError(
            f'Expected --eval with {known}a preset or metrics of fused '
            f'images. {error}') from error
