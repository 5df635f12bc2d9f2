"""Metrics of single images, histograms and pixel statistics."""
import math

import numpy as np
import pytest

from mmfusion.evaluation import compute

#: specs of the FILM evaluator on images made by a formula
GOLDEN = {
    (96, 120):
    dict(EN=7.446160, SD=50.458855, SF=14.456148, AG=6.355678, MI=3.186456,
         MSE=2510.667, CC=0.706119, PSNR=14.132914, SCD=1.392976),
    (61, 75):
    dict(EN=7.370432, SD=48.478359, SF=14.407696, AG=6.456728, MI=4.584300,
         MSE=2625.756, CC=0.684506, PSNR=13.766258, SCD=1.436255),
}
PIXEL_METRICS = ('EN', 'SD', 'SF', 'AG', 'EI', 'MI', 'NMI', 'CE', 'TE',
                 'TE_nava', 'NCIE', 'MSE', 'RMSE', 'PSNR', 'CC', 'SCD')


def test_film_golden(synthetic_triplet):
    fused, *sources = synthetic_triplet
    expected = GOLDEN[fused.shape]
    found = compute(fused, sources, metrics=list(expected), preset='film')
    assert found == pytest.approx(expected, rel=1e-6)


def test_values_by_hand():
    """Two by two pixels, counted on paper."""
    fused = np.array([[0, 10], [20, 30]], np.uint8)
    source = np.array([[0, 10], [20, 20]], np.uint8)
    found = compute(fused, (source, fused), metrics=PIXEL_METRICS)
    assert found['EN'] == 2
    assert found['SD'] == pytest.approx(math.sqrt(125))
    assert found['SF'] == pytest.approx(math.sqrt(20**2 + 10**2))
    assert found['AG'] == pytest.approx(math.sqrt((20**2 + 10**2) / 2))
    assert found['MI'] == pytest.approx(1.5 + 2)
    assert found['MSE'] == pytest.approx(100 / 4 / 2)
    assert found['RMSE'] == pytest.approx(math.sqrt(100 / 4) / 2)
    assert found['PSNR'] == pytest.approx(10 * math.log10(255**2 /
                                                          (100 / 4 / 2)))
    correlation = np.corrcoef(fused.ravel(), source.ravel())[0, 1]
    assert found['CC'] == pytest.approx((1 + correlation) / 2)
    # KL of the stretched-free histograms: level 20 has 1/2 against 1/4
    assert found['CE'] == pytest.approx(0.5 * math.log2(2) / 2)


def test_scd_is_what_the_paper_says(synthetic_triplet):
    fused, first, second = (image.astype(float) for image in synthetic_triplet)

    def correlation(x, y):
        return np.corrcoef(x.ravel(), y.ravel())[0, 1]

    expected = (correlation(fused - second, first) +
                correlation(fused - first, second))
    found = compute(*_split(synthetic_triplet), metrics='SCD')['SCD']
    assert found == pytest.approx(expected, rel=1e-12)


def _split(triplet):
    return triplet[0], triplet[1:]


def test_mutual_information_of_a_plain_histogram(synthetic_triplet):
    fused, *sources = synthetic_triplet
    expected = 0
    for source in sources:
        joint = np.histogram2d(fused.ravel(), source.ravel(), bins=256,
                               range=[[0, 256]] * 2)[0] / fused.size
        product = joint.sum(1, keepdims=True) * joint.sum(0, keepdims=True)
        live = joint > 0
        expected += (joint[live] * np.log2(joint[live] / product[live])).sum()
    found = compute(fused, sources, metrics='MI')['MI']
    assert found == pytest.approx(expected, rel=1e-12)


def test_tang_merges_the_top_levels():
    rng = np.random.default_rng(0)
    images = [
        rng.integers(250, 256, (40, 40)).astype(np.uint8) for _ in range(3)
    ]
    merged = [np.minimum(image, 254) for image in images]
    tang = compute(images[0], images[1:], metrics='MI:tang')['MI:tang']
    # entropies of all levels, joint entropy of the merged ones
    entropy = {
        key: sum(2 * compute(i[0], i[1:], metrics='EN')['EN'] for i in [stack])
        for key, stack in (('all', images), ('merged', merged))
    }
    sources = sum(
        compute(a, (a, ), metrics='EN')['EN'] -
        compute(b, (b, ), metrics='EN')['EN']
        for a, b in zip(images[1:], merged[1:], strict=True))
    expected = compute(merged[0], merged[1:], metrics='MI')['MI'] + (
        entropy['all'] - entropy['merged']) + sources
    assert tang == pytest.approx(expected, rel=1e-12)


def test_three_sources(synthetic_triplet):
    fused, *sources = synthetic_triplet
    two = compute(fused, sources, metrics='MI,CC,MSE')
    four = compute(fused, sources * 2, metrics='MI,CC,MSE')
    assert four['MI'] == pytest.approx(2 * two['MI'])
    assert four['CC'] == pytest.approx(two['CC'])
    assert four['MSE'] == pytest.approx(two['MSE'])
    identical = compute(fused, [fused] * 3, metrics='NMI')
    assert identical == pytest.approx(dict(NMI=2))


def test_identical_images(synthetic_triplet):
    fused = synthetic_triplet[0]
    found = compute(fused, (fused, fused), metrics=PIXEL_METRICS)
    for name in ('MSE', 'RMSE', 'CE', 'SCD'):  # SCD: nothing is left
        assert found[name] == pytest.approx(0, abs=1e-9)
    assert found['PSNR'] == pytest.approx(100)
    assert found['CC'] == pytest.approx(1)
    assert found['NMI'] == pytest.approx(2)


@pytest.mark.parametrize('level', [0, 128, 255])
def test_constant_images(level):
    flat = np.full((32, 40), level, np.uint8)
    found = compute(flat, (flat, flat), metrics=PIXEL_METRICS)
    zero = set(PIXEL_METRICS) - {'PSNR', 'NCIE'}
    assert {
        name: found[name] for name in zero
    } == pytest.approx(dict.fromkeys(zero, 0), abs=1e-9)
    assert found['PSNR'] == pytest.approx(100)
    assert 0 <= found['NCIE'] <= 1


def test_nonlinear_correlation_of_all_levels():
    """MI of images that use all 256 levels equally is 8 bits: NCIE is 1."""
    image = np.arange(256, dtype=np.uint8).reshape(16, 16)
    found = compute(image, (255 - image, image), metrics='NCIE')
    assert found['NCIE'] == pytest.approx(1)


def test_noise_lowers_fidelity(synthetic_triplet):
    fused, *sources = synthetic_triplet
    noise = np.random.default_rng(0).normal(0, 25, fused.shape)
    noisy = np.clip(fused + noise, 0, 255).astype(np.uint8)
    clean, worse = (compute(image, sources, metrics='CC,MSE,PSNR')
                    for image in (fused, noisy))
    assert worse['MSE'] > clean['MSE']
    for name in ('CC', 'PSNR'):
        assert worse[name] < clean[name]
