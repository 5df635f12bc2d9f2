"""What the words after ``--eval``, ``--preset`` and ``--metrics`` mean."""
from typing import Any, Dict, List, Sequence

from .functional import PRESETS, select_metrics


def split_words(words: Sequence[str]) -> List[str]:
    """``['EN,SD', 'VIF']`` -> ``['EN', 'SD', 'VIF']``."""
    return [
        name for word in words for name in word.replace(' ', '').split(',')
        if name
    ]


def parse_selection(words: Sequence[str]) -> Dict[str, Any]:
    """Keyword arguments ``preset`` and ``metrics`` of what is asked for.

    Args:
        words (sequence[str]): ``'fusion'`` or ``'default'``, another preset,
            names of metrics (of that preset where it is given too), or
            ``'all'``; commas separate as spaces do.

    Returns:
        dict: ``preset`` (str) and ``metrics`` (list[str] | ``'all'`` |
        None), as :func:`~mmfusion.evaluation.functional.compute` takes them.

    Raises:
        ValueError: For unknown names and for two presets.
    """
    names = split_words(words)
    presets = list(
        dict.fromkeys(
            'default' if name.lower() == 'fusion' else name.lower()
            for name in names if name.lower() in (*PRESETS, 'fusion')))
    if len(presets) > 1:
        raise ValueError(
            f'Expected one preset, got {", ".join(presets)}. Their numbers '
            'do not belong in one table: measure twice.')
    metrics: Any = [
        name for name in names if name.lower() not in (*PRESETS, 'fusion')
    ]
    if [name.lower() for name in metrics] == ['all']:
        metrics = 'all'
    chosen = dict(
        preset=presets[0] if presets else 'default', metrics=metrics or None)
    try:
        select_metrics(**chosen)
    except ValueError as error:
        raise ValueError(
            f'{error} Presets: {", ".join(PRESETS)}.') from error
    return chosen
