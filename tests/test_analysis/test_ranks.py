"""Ranks, Friedman's test and Nemenyi's critical difference."""
import numpy as np
import pytest

from mmfusion.analysis.method_benchmark.ranks import rank_methods


def test_ranks_of_each_direction():
    values = dict(a=[3., -5.], b=[1., 4.], c=[2., 4.])
    assert rank_methods(values, True)['mean'] == dict(a=2., b=2.25, c=1.75)
    assert rank_methods(values, False)['mean'] == dict(a=2., b=1.75, c=2.25)
    assert rank_methods(values, None)['mean'] == dict(a=3., b=1.25, c=1.75)


def test_published_example():
    """Demsar 2006, section 3.2: ranks 3.143, 2.000, 2.893 and 1.964 of four
    methods on 14 data sets; CD = 1.25. Their p = 0.0257 knows no ties."""
    scores = np.array([
        [.763, .768, .771, .798], [.599, .591, .590, .569],
        [.954, .971, .968, .967], [.628, .661, .654, .657],
        [.882, .888, .886, .898], [.936, .931, .916, .931],
        [.661, .668, .609, .685], [.583, .583, .563, .625],
        [.775, .838, .866, .875], [1., 1., 1., 1.], [.940, .962, .965, .962],
        [.619, .666, .614, .669], [.972, .981, .9751, .975],
        [.957, .978, .946, .970]
    ])  # yapf: disable
    found = rank_methods(dict(zip('abcd', scores.T, strict=True)), True)
    assert list(found['mean'].values()) == pytest.approx(
        [3.143, 2.000, 2.893, 1.964], abs=1e-3)
    assert found['critical'] == pytest.approx(1.25, abs=5e-3)
    assert 0.01 < found['p'] < 0.0257


def test_what_cannot_be_tested():
    assert rank_methods(dict(a=[1.]), True) == dict(mean=dict(a=1.), p=None,
                                                    critical=None)
    assert rank_methods(dict(a=[1., 2.], b=[2., 1.]), True)['p'] is None
    same = rank_methods({name: [1., 1.] for name in 'abc'}, True)
    assert same['p'] is None and set(same['mean'].values()) == {2.}
