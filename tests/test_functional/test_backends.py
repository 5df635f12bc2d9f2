"""Sweep over all metrics: both backends, awkward images, ranges."""
import math

import numpy as np
import pytest
import torch

from mmfusion.evaluation import compute
from mmfusion.functional import FUSION_METRICS

#: what needs weights is tested with its own files
KEYS = sorted(key for key, spec in FUSION_METRICS.items()
              if not getattr(spec, 'needs_weights', False))
#: relative error of float32 that the specification grants
LOOSE = dict(VIF=5e-4)


def triplet(height, width, kind='scene'):
    """Fused image and two sources."""
    rng = np.random.default_rng(7)
    y, x = np.mgrid[:height, :width]
    first = 127.5 + 80 * np.sin(x / 7) + 40 * np.cos(y / 5)
    second = 127.5 + 70 * np.cos(x / 11 + y / 13) + 50 * np.sin(y / 3)
    images = [(first + second) / 2, first, second]
    images = [
        np.clip(image + rng.normal(0, 6, image.shape), 0, 255)
        for image in images
    ]
    if kind == 'flat patches':
        for index, image in enumerate(images):
            image[:height // 2, :width // 3] = 40 * index
            image[-8:] = 255
    return [image.astype(np.uint8) for image in images]


def both(key, kind='scene', dtype=torch.float64):
    """Value of one metric by NumPy and by torch."""
    side = FUSION_METRICS[key].min_size
    images = triplet(max(side, 73), max(side, 90), kind)
    array = compute(images[0], images[1:], key)[key]
    tensors = [torch.from_numpy(image)[None].to(dtype) for image in images]
    tensor = compute(tensors[0], tensors[1:], key, data_range=255)[key]
    assert tensor.shape == (1, )
    return array, float(tensor)


@pytest.mark.parametrize('key', KEYS)
@pytest.mark.parametrize('kind', ['scene', 'flat patches'])
def test_backends_agree(key, kind):
    array, tensor = both(key, kind)
    assert tensor == pytest.approx(array, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize(
    'key', [key for key in KEYS if FUSION_METRICS[key].float32_safe])
def test_float32(key):
    spec = FUSION_METRICS[key]
    array, tensor = both(key, dtype=torch.float32)
    assert tensor == pytest.approx(array, rel=LOOSE.get(spec.name, 1e-5))


@pytest.mark.parametrize('key', KEYS)
@pytest.mark.parametrize('case', [
    'smallest', 'odd', 'identical', 'constant', 'flat fused', 'flat source',
    'extremes'
])
def test_finite_and_in_range(key, case):
    spec = FUSION_METRICS[key]
    side = spec.min_size
    images = triplet(max(side, 45), max(side, 52))
    if case == 'smallest':
        images = [
            np.ascontiguousarray(image[:side, :side])
            for image in triplet(max(side, 9), max(side, 9))
        ]
    elif case == 'odd':
        images = triplet(max(side, 47), max(side, 51))
    elif case == 'identical':
        images = images[:1] * 3
    elif case == 'constant':
        images = [np.full_like(image, 90) for image in images]
    elif case == 'flat fused':
        images[0][:] = 128
    elif case == 'flat source':
        images[1][:] = 0
    elif case == 'extremes':
        images = [(image > 128).astype(np.uint8) * 255 for image in images]
    value = compute(images[0], images[1:], key)[key]
    assert math.isfinite(value)
    low, high = spec.value_range
    if spec.correct:
        slack = 1e-9 * max(1, abs(value))
        assert low - slack <= value <= high + slack, (value, low, high)


@pytest.mark.parametrize('key', KEYS)
def test_too_small(key):
    spec = FUSION_METRICS[key]
    if spec.min_size == 1:
        assert np.isfinite(compute(*_tiny(1), key)[key])
        return
    with pytest.raises(ValueError, match=f'{spec.min_size}'):
        compute(*_tiny(spec.min_size - 1), key)


def _tiny(side):
    image = np.arange(side * side, dtype=np.uint8).reshape(side, side)
    return image, (image, image[::-1].copy())
