"""Q^{AB/F} in its versions, gain, loss and artefacts of gradients."""
import numpy as np
import pytest

from mmfusion.evaluation import compute

#: FILM's evaluator on images made by a formula
GOLDEN = {(96, 120): 0.292564, (61, 75): 0.340251}
FAMILY = 'Qabf_petrovic,Labf,Nabf'


def test_film_golden(synthetic_triplet):
    fused, *sources = synthetic_triplet
    found = compute(fused, sources, 'Qabf')['Qabf']
    assert found == pytest.approx(GOLDEN[fused.shape], abs=1e-6)


@pytest.mark.parametrize('key,expected', [
    ('Qabf', 0.6242),
    ('QG', 0.4092),
    ('Qabf_petrovic', 0.9435),
    ('Nabf', 0.01737),
    ('Nabf:tang2023', 0.00449),
    ('Nabf:unit', 0.404),
    ('Nabf:petrovic', 0.381),
])
def test_table_of_one_image(triplets, key, expected):
    """The specification's values of labMan, CBF."""
    fused, *sources = triplets()['labMan', 'CBF']
    digits = len(str(expected).split('.')[1])
    assert compute(fused, sources,
                   key)[key] == pytest.approx(expected, abs=0.6 * 10**-digits)


@pytest.mark.parametrize('count', [1, 2, 3])
def test_gain_loss_and_artefacts_are_all(synthetic_triplet, count):
    fused, *sources = synthetic_triplet
    sources = (sources + [fused[::-1].copy()])[:count]
    found = compute(fused, sources, FAMILY)
    assert sum(found.values()) == pytest.approx(1, abs=1e-12)
    assert all(value > 0 for value in found.values())


def test_order_of_sources_does_not_matter(synthetic_triplet):
    fused, *sources = synthetic_triplet
    keys = FAMILY + ',Qabf,QG'
    assert compute(fused, sources,
                   keys) == pytest.approx(compute(fused, sources[::-1], keys),
                                          rel=1e-12)


def test_identical_images(synthetic_triplet):
    image = synthetic_triplet[0]
    found = compute(image, (image, image), FAMILY + ',Qabf,QG')
    largest = 0.9994 / (1 + np.exp(-7.5)) * 0.9879 / (1 + np.exp(-4.4))
    assert found['Qabf'] == pytest.approx(largest, abs=2e-3)
    assert found['Nabf'] == pytest.approx(0, abs=1e-9)
    assert found['QG'] > 0.98 and found['Qabf_petrovic'] > 0.99


def test_texture_of_its_own_is_an_artefact():
    """Edges of the source, and stripes where it is smooth."""
    source = np.full((40, 40), 50, np.uint8)
    source[:, 20:] = 200
    striped = source.copy()
    striped[::2, :15] += 60
    plain, extra = (compute(image, (source, source), FAMILY)
                    for image in (source, striped))
    assert plain['Nabf'] < 1e-9 < extra['Nabf']
    assert plain['Qabf_petrovic'] > extra['Qabf_petrovic']


def test_lost_edge():
    source = np.full((40, 40), 50, np.uint8)
    source[:, 20:] = 200
    flat = np.full_like(source, 125)
    kept, lost = (compute(image, (source, source), FAMILY + ',Qabf,QG')
                  for image in (source, flat))
    assert lost['Labf'] > 0.9 > kept['Labf']
    for name in ('Qabf', 'Qabf_petrovic', 'QG'):
        assert lost[name] < kept[name]


def test_rotated_edge_costs():
    """Equal strength, other orientation."""
    one = np.zeros((40, 40), np.uint8)
    one[:, 20:] = 200
    same, turned = (compute(image, (one, one), 'Qabf,QG,Qabf_petrovic')
                    for image in (one, one.T.copy()))
    assert all(turned[name] < same[name] for name in same)


def test_nothing_to_keep():
    """Without any gradient in the sources."""
    black = np.zeros((24, 24), np.uint8)
    assert compute(black, (black, black),
                   'Qabf')['Qabf'] == pytest.approx(0, abs=1e-9)
    weak = np.full((24, 24), 9, np.uint8)
    weak[::2] = 10
    value = compute(weak, (weak, weak), 'Nabf:tang_py')['Nabf:tang_py']
    assert value == pytest.approx(0, abs=1e-9)
