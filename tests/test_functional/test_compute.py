"""Arrays in, named numbers out: input checks, headings and presets."""
import subprocess
import sys

import numpy as np
import pytest
import torch

from mmfusion.evaluation import SourceContext, compute
from mmfusion.functional import (FUSION_METRICS, PRESETS, fusion_metric,
                                 get_metric, select_metrics)

QUICK = 'EN,SD,MI,CC,MSE'


def images(shape=(24, 32), count=3, seed=0):
    rng = np.random.default_rng(seed)
    return [rng.integers(0, 256, shape).astype(np.uint8) for _ in range(count)]


def test_gray_and_one_channel_are_the_same():
    fused, *sources = images()
    stacked = [image[..., None] for image in (fused, *sources)]
    assert compute(fused, sources,
                   metrics=QUICK) == compute(stacked[0], stacked[1:],
                                             metrics=QUICK)


def test_colour_goes_through_luma():
    fused, ir, vis = images((24, 32, 3))
    weights = np.array([0.299, 0.587, 0.114])
    gray = [
        np.rint(image @ weights).astype(np.uint8) for image in (fused, ir, vis)
    ]
    assert compute(fused, (ir[..., :1].repeat(3, 2), vis), metrics=QUICK) == \
        compute(gray[0], (ir[..., 0], gray[2]), metrics=QUICK)


def test_channels_rgb_is_the_mean_of_channels():
    fused, vis = images((24, 32, 3), 2)
    ir, = images(count=1)
    found = compute(fused, (ir, vis), metrics=QUICK, channels='rgb')
    singles = [
        compute(fused[..., i], (ir, vis[..., i]), metrics=QUICK)
        for i in range(3)
    ]
    assert found == pytest.approx({
        name:
        np.mean([single[name] for single in singles]) for name in found
    })


def test_vifb_sf_sees_jumps_between_channels():
    fused, ir, vis = images((24, 32, 3))
    wide = np.concatenate([fused[..., i] for i in range(3)], 1)
    found = compute(fused, (ir, vis), 'SF', preset='vifb')
    assert found['SF'] == compute(wide, (wide, ), 'SF:vifb')['SF:vifb']


@pytest.mark.parametrize('data_range', [1., 255., 65535])
def test_ranges(data_range):
    fused, *sources = images()
    dtype = np.uint16 if data_range == 65535 else np.float64
    scaled = [(image * (data_range / 255)).astype(dtype)
              for image in (fused, *sources)]
    assert compute(scaled[0], scaled[1:], metrics=QUICK,
                   data_range=data_range) == pytest.approx(
                       compute(fused, sources, metrics=QUICK))


def test_quantize_rounds_as_a_saved_image():
    fused, *sources = images()
    raw = fused + 0.3
    raw = raw.clip(0, 255)
    kept = compute(raw, [s.astype(float) for s in sources], 'MSE',
                   data_range=255, quantize=False)
    rounded = compute(raw, [s.astype(float) for s in sources], 'MSE',
                      data_range=255)
    assert rounded == compute(fused, sources, 'MSE')
    assert kept != rounded


def test_source_context_is_reused():
    first, second, *sources = images(count=4)
    scene = SourceContext(sources)
    for fused in (first, second, first):
        assert compute(fused, scene, QUICK) == compute(fused, sources, QUICK)


def test_tensor_batches():
    stacks = [np.stack(images((24, 32), 2, seed)) for seed in range(3)]
    tensors = [torch.from_numpy(stack) for stack in stacks]
    found = compute(tensors[0], tensors[1:], QUICK)
    for index in range(2):
        single = compute(stacks[0][index],
                         [stacks[1][index], stacks[2][index]], QUICK)
        assert {
            name: float(value[index]) for name, value in found.items()
        } == pytest.approx(single, rel=1e-9)


@pytest.mark.parametrize('change,error,message', [
    (lambda i: (i[0][:20], i[1:]), ValueError, 'one size.*20x32.*24x32'),
    (lambda i: (i[0], ()), ValueError, 'one source or more, got none'),
    (lambda i: (i[0].astype(np.int32), i[1:]), TypeError, 'int32'),
    (lambda i: (i[0] / 255., i[1:]), ValueError, 'data_range=1'),
    (lambda i: (i[0][0], i[1:]), ValueError, 'shape .H, W'),
    (lambda i: (i[0][:, :0], i[1:]), ValueError, r'\(24, 0\)'),
    (lambda i: (torch.from_numpy(i[0])[None], i[1:]), TypeError, 'alone'),
    (lambda i: (i[0].tolist(), i[1:]), TypeError, 'got list'),
    (lambda i: (i[0], i[1]), TypeError, r'one array of shape \(24, 32\)'),
    (lambda i: (i[0], np.stack(i[1:])), TypeError, r'tuple\(stack\)'),
    (lambda i: (i[0], torch.from_numpy(i[1])[None]), TypeError, 'one array'),
])
def test_bad_images(change, error, message):
    with pytest.raises(error, match=message):
        compute(*change(images()), metrics=QUICK)


@pytest.mark.parametrize('values,data_range,message', [
    (np.nan, 255, 'NaN or infinity'),
    (np.inf, 255, 'NaN or infinity'),
    (300., 255, 'in 0..255, got 0..300'),
    (-3., 255, 'got -3..0'),
    (0.5, 255, 'looks like 0..1'),
    (7., 1, 'in 0..1, got 0..7'),
])
def test_bad_values(values, data_range, message):
    fused = np.zeros((24, 32))
    fused[3, 4] = values
    good = np.full((24, 32), 0.5 * data_range)
    with pytest.raises(ValueError, match=message):
        compute(fused, (good, good), QUICK, data_range=data_range)


def test_support_is_checked_before_measuring():
    fused, *sources = images((1, 32))
    with pytest.raises(ValueError, match=r'SF \(2\), AG \(2\), got 1x32'):
        compute(fused, sources, 'SD,SF,AG')
    assert compute(fused, sources, 'SD,MI,CC')
    with pytest.raises(ValueError, match='two sources for SCD, got 3'):
        compute(fused, [fused] * 3, 'SCD')


def test_unknown_names():
    with pytest.raises(ValueError, match='VIFF is VIF here'):
        get_metric('VIFF')
    with pytest.raises(ValueError, match='MI:bits, MI:nats|MI:'):
        get_metric('MI:nots')
    with pytest.raises(ValueError, match='default, film'):
        select_metrics(preset='flim')
    with pytest.raises(ValueError, match="'gray' or 'rgb'"):
        compute(*_args(), channels='luma')


def _args():
    fused, *sources = images()
    return fused, sources, QUICK


def test_headings():
    assert list(select_metrics('mi, en', 'film')) == ['MI', 'EN']
    assert select_metrics('MI', 'film')['MI'].variant == 'nats'
    assert select_metrics('MI')['MI'].variant == 'bits'
    assert list(select_metrics(['MI:nats', 'mi'])) == ['MI:nats', 'MI']


@pytest.mark.parametrize('name', sorted(PRESETS))
def test_presets_resolve(name):
    specs = select_metrics(preset=name)
    assert list(specs) == list(PRESETS[name].columns)
    assert PRESETS[name].note and PRESETS[name].channels in ('gray', 'rgb')
    if name == 'default':
        assert all(spec.correct for spec in specs.values())


def test_registry_is_consistent():
    names = {spec.name for spec in FUSION_METRICS.values()}
    for name in names:
        defaults = [
            spec for spec in FUSION_METRICS.values()
            if spec.name == name and spec.default
        ]
        assert len(defaults) == 1, name
        assert defaults[0].correct, name
        assert get_metric(name) is defaults[0]
    for key, spec in FUSION_METRICS.items():
        assert key == spec.key and spec.reference
        assert spec.value_range[0] < spec.value_range[1]
        assert spec.arrow in ('↑', '↓', '→0')
        assert spec.inputs in ('F', 'F, A, B', 'F, sources')
    with pytest.raises(KeyError, match='EN:bits again'):
        fusion_metric('EN', 'bits', higher_is_better=True, value_range=(0, 8),
                      reference='x')(len)


def test_neither_torch_nor_mmengine_is_imported():
    """A script that measures folders starts in a moment."""
    code = ('import sys; import mmfusion.functional; '
            'assert "torch" not in sys.modules, "torch"')
    subprocess.run([sys.executable, '-c', code], check=True)
