"""Scores against a teacher's image."""

import cv2
import numpy as np
import pytest
import torch
from torchmetrics.functional.image import peak_signal_noise_ratio

from mmfusion.evaluation import compute
from mmfusion.registry import METRICS
from mmfusion.structures import FusionDataSample


@pytest.fixture
def sample(tmp_path):
    """A fused image, its sources and the teacher's image on disk."""
    from mmengine.structures import PixelData
    rng = np.random.default_rng(0)

    def make(fused=None, teacher=None, size=(48, 64)):
        paths = {}
        fused = rng.integers(0, 256, (*size, 3), np.uint8) \
            if fused is None else fused
        teacher = rng.integers(0, 256, (*size, 3), np.uint8) \
            if teacher is None else teacher
        for name, image in dict(vis=fused, ir=fused[..., 0],
                                teacher=teacher).items():
            paths[f'{name}_path'] = str(tmp_path / f'{name}.png')
            cv2.imwrite(paths[f'{name}_path'],
                        image if image.ndim == 2 else image[..., ::-1])
        data = FusionDataSample(
            metainfo=dict(stem='one', modalities=dict(vis=(0, 3), ir=(
                3, 4)), **paths))
        data.fused_img = PixelData(
            data=torch.from_numpy(fused).permute(2, 0, 1) / 255)
        return data, fused, teacher

    return make


def score(data, **kwargs):
    metric = METRICS.build(
        dict(type='DistillMetric', **{
            'references': ['SSIM', 'PSNR'],
            **kwargs
        }))
    metric.process({}, [data])
    return metric.evaluate(1)


def test_values(sample):
    data, fused, teacher = sample()
    values = score(data)
    assert list(values) == [
        f'distill/{name}' for name in ('SSIM', 'PSNR', 'EN', 'SD', 'SF', 'AG')
    ]
    assert values['distill/PSNR'] == pytest.approx(
        float(
            peak_signal_noise_ratio(
                torch.from_numpy(fused).double(),
                torch.from_numpy(teacher).double(), data_range=255.)))
    expected = compute(fused, (teacher, ), metrics=['SSIM:gauss11'])
    assert values['distill/SSIM'] == pytest.approx(expected['SSIM:gauss11'])
    alone = compute(fused, (fused[..., 0], fused), metrics=['SF', 'EI'])
    code = score(data, scale='code')
    assert code['distill/SF'] == pytest.approx(alone['SF'] / 255)
    assert code['distill/AG'] == pytest.approx(alone['EI'] / 2**0.5)
    assert code['distill/EN'] == pytest.approx(values['distill/EN'])


def test_constants(sample):
    flat = np.full((48, 64, 3), 90, np.uint8)
    data, *_ = sample(flat, flat)
    values = score(data)
    for name in ('EN', 'SD', 'SF', 'AG'):
        assert values[f'distill/{name}'] == pytest.approx(0, abs=1e-9)
    assert values['distill/PSNR'] == pytest.approx(100)
    assert values['distill/SSIM'] == pytest.approx(1)


def test_lpips_is_left_out_without_weights(sample, monkeypatch, tmp_path):
    monkeypatch.setenv('TORCH_HOME', str(tmp_path))
    data, *_ = sample()
    with pytest.warns(UserWarning, match='LPIPS is left out'):
        values = score(data, references=['PSNR', 'LPIPS'])
    assert 'distill/PSNR' in values and 'distill/LPIPS' not in values


def test_errors(sample):
    data, *_ = sample()
    data.set_metainfo(dict(teacher_path=None))
    with pytest.raises(ValueError, match="one: .*'teacher_path'"):
        score(data)
    assert 'distill/EN' in score(data, references=[])
    data, *_ = sample(teacher=np.zeros((20, 20, 3), np.uint8))
    with pytest.raises(ValueError, match='a teacher image of'):
        score(data)
    for bad in (dict(references=['MSE']), dict(scale='x')):
        with pytest.raises(ValueError, match='Expected'):
            score(data, **bad)
