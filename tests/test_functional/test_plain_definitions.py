"""Metrics against their definitions, written down without any tricks."""

import numpy as np
import pytest

from mmfusion.evaluation import compute


@pytest.fixture(scope='module')
def plain():
    """Key of a metric -> function of float64 images."""
    from benchmarks.naive import fusion_metrics
    return {**fusion_metrics.FILM, **fusion_metrics.VIFB}


@pytest.mark.parametrize('key', [
    'EN', 'SD', 'SF', 'AG', 'EI', 'MI:nats', 'MI:vifb', 'CE', 'MSE',
    'RMSE:vifb', 'PSNR:film', 'PSNR:vifb', 'CC', 'SCD', 'SSIM', 'SSIM:film',
    'VIF', 'Qabf', 'QCB', 'QCV'
])
def test_plain_definition(plain, synthetic_triplet, key):
    fused, *sources = synthetic_triplet
    expected = plain[key](*(image.astype(float)
                            for image in synthetic_triplet))
    assert compute(fused, sources,
                   key)[key] == pytest.approx(expected, rel=1e-9)


def test_every_plain_definition_is_used(plain):
    marks = test_plain_definition.pytestmark
    assert set(plain) == set(marks[0].args[1])


class TestHumanVision:
    """Q_CB and Q_CV."""

    def test_identical_images(self, synthetic_triplet):
        image = synthetic_triplet[0]
        found = compute(image, (image, image), 'QCB,QCV')
        assert found['QCB'] == pytest.approx(1)
        assert found['QCV'] == pytest.approx(0, abs=1e-9)

    def test_order_of_sources_does_not_matter(self, synthetic_triplet):
        fused, *sources = synthetic_triplet
        found = compute(fused, sources, 'QCB,QCV')
        assert found == pytest.approx(compute(fused, sources[::-1], 'QCB,QCV'))

    def test_flat_sources(self):
        """Blocks without any edge weigh the same; no contrast is kept."""
        flat = np.full((48, 40), 7, np.uint8)
        edge = flat.copy()
        edge[:, 20:] = 200
        found = compute(edge, (flat, flat), 'QCB,QCV')
        assert 0 <= found['QCB'] < 0.5
        assert found['QCV'] > 0
        assert compute(flat, (flat, flat), 'QCB,QCV') == dict(QCB=1, QCV=0)
