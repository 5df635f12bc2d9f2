"""Where other libraries compute the same, numbers are the same."""
from functools import partial

import numpy as np
import piq
import pytest
import torch
from torchmetrics.functional import image as torchmetrics

from mmfusion.evaluation import compute


@pytest.fixture(scope='module')
def pair():
    """Two images whose sides stay even through all levels of MS-SSIM."""
    rng = np.random.default_rng(3)
    y, x = np.mgrid[:176, :192]
    base = 127.5 + 70 * np.sin(x / 9) + 40 * np.cos(y / 7)
    return [
        np.clip(base + rng.normal(0, spread, base.shape), 0,
                255).astype(np.uint8) for spread in (5, 25)
    ]


def batch(image):
    return torch.from_numpy(image)[None, None].double()


OTHERS = {
    'MSE': [(torch.nn.functional.mse_loss, 1e-13)],
    'SSIM': [(partial(piq.ssim, data_range=255., downsample=False), 1e-13)],
    'MS_SSIM': [(partial(piq.multi_scale_ssim, data_range=255.), 1e-13)],
    'PSNR': [(partial(piq.psnr, data_range=255.), 1e-6),
             (partial(torchmetrics.peak_signal_noise_ratio,
                      data_range=255.), 1e-6)],
    'VIF': [(partial(piq.vif_p, data_range=255.), 1e-9),
            (torchmetrics.visual_information_fidelity, 1e-9)],
}


@pytest.mark.parametrize('key', OTHERS)
def test_of_torch(pair, key):
    fused, source = pair
    value, = compute(fused, (source, ), key).values()
    for other, tolerance in OTHERS[key]:
        assert float(other(batch(fused), batch(source))) == pytest.approx(
            value, rel=tolerance)


@pytest.mark.detection  # scikit-image comes with mmdet
def test_scikit_image(pair):
    from skimage import measure, metrics
    fused, source = pair
    found = compute(fused, (source, ), 'EN,MSE,PSNR,SSIM,SSIM:film')
    assert found == pytest.approx(
        {
            'EN':
            measure.shannon_entropy(fused),
            'MSE':
            metrics.mean_squared_error(source, fused),
            'PSNR':
            metrics.peak_signal_noise_ratio(source, fused, data_range=255),
            'SSIM':
            metrics.structural_similarity(fused, source, data_range=255,
                                          gaussian_weights=True, sigma=1.5,
                                          use_sample_covariance=False),
            'SSIM:film':
            metrics.structural_similarity(fused, source, data_range=255)
        }, rel=1e-13)


def test_the_same_name_is_not_the_same_number(pair):
    """What the guide names."""
    fused, source = (image[:, :-1].copy() for image in pair)  # a side is odd
    found = compute(fused, (source, ), 'SSIM,MS_SSIM,RMSE,GMSD')
    others = {
        'SSIM': torchmetrics.structural_similarity_index_measure,
        'MS_SSIM': torchmetrics.multiscale_structural_similarity_index_measure,
    }
    for key, other in others.items():
        value = float(other(batch(fused), batch(source), data_range=255.))
        assert value != pytest.approx(found[key], rel=1e-6)
    assert float(
        piq.multi_scale_ssim(batch(fused), batch(source),
                             data_range=255.)) != pytest.approx(
                                 found['MS_SSIM'], rel=1e-6)
    assert float(piq.gmsd(batch(fused), batch(source), data_range=255.)) != \
        pytest.approx(found['GMSD'], rel=1e-6)
    assert float(
        torchmetrics.root_mean_squared_error_using_sliding_window(
            batch(fused),
            batch(source))) != pytest.approx(found['RMSE'], rel=1e-6)
