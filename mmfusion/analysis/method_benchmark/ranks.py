"""Ranks of methods over pairs, and which of them differ beyond chance."""
import math
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from scipy import stats

ALPHA = 0.05


def rank_methods(values: Mapping[str, Sequence[float]],
                 higher_is_better: bool | None) -> dict[str, Any]:
    """Mean ranks, Friedman's test and Nemenyi's critical difference.

    Demsar, "Statistical Comparisons of Classifiers over Multiple Data Sets",
    JMLR 7, 2006, with pairs in the place of data sets: methods whose mean
    ranks differ by less than the critical difference cannot be told apart
    at the level :data:`ALPHA`.

    Args:
        values (mapping): Method -> a value of each pair.
        higher_is_better (bool, optional): None where values close to 0 are
            best.

    Returns:
        dict: ``mean`` (method -> mean rank, 1 is best; equal values share
        the mean of their ranks), ``p`` (that all methods are alike; None
        below three methods or two pairs, or if all values are equal) and
        ``critical`` (difference of mean ranks; None for one method).

    Examples:
        >>> found = rank_methods(dict(a=[3, 5], b=[1, 4], c=[2, 4]), True)
        >>> found['mean']
        {'a': 1.0, 'b': 2.75, 'c': 2.25}
    """
    scores = np.array(list(values.values()), float)
    if higher_is_better is None:
        scores = np.abs(scores)
    elif higher_is_better:
        scores = -scores
    methods, pairs = scores.shape
    mean = stats.rankdata(scores, axis=0).mean(axis=1)
    p = None
    if methods > 2 and pairs > 1 and (np.ptp(scores, axis=0) > 0).any():
        p = float(stats.friedmanchisquare(*scores).pvalue)
    critical = None
    if methods > 1:
        critical = _quantile(methods) * math.sqrt(methods * (methods + 1) /
                                                  (6 * pairs))
    return dict(
        mean={
            name: round(float(rank), 4)
            for name, rank in zip(values, mean, strict=True)
        }, p=p, critical=critical)


@lru_cache
def _quantile(methods: int) -> float:
    """Of the studentized range, over the root of two."""
    quantile = stats.studentized_range.ppf(1 - ALPHA, methods, math.inf)
    return float(quantile) / math.sqrt(2)
