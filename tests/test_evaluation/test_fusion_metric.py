"""FusionMetric: what it measures, in which loops, and in two processes."""
import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.evaluator import Evaluator
from mmengine.runner import Runner
from mmengine.structures import PixelData

from mmfusion.apis.fused_image import to_uint8
from mmfusion.datasets.transforms import LoadFusionPair
from mmfusion.evaluation import compute
from mmfusion.evaluation.metrics import FusionMetric
from mmfusion.functional import PRESETS
from mmfusion.registry import METRICS
from mmfusion.structures import FusionDataSample
from mmfusion.utils.errors import UsageError
from tests.support import tiny_project

ROOT = Path(__file__).resolve().parents[2]
WORKER = ROOT / 'tests/support/fusion_metric_worker.py'
NAMES = ['EN', 'SD', 'SF', 'AG', 'MI', 'CC', 'SCD', 'MSE', 'PSNR']
LAYOUT = dict(vis=(0, 3), ir=(3, 4))


def smooth(rng, *shape):
    """A random image without much noise, uint8."""
    height, width = shape[:2]
    small = rng.randint(0, 256, (5, 7, *shape[2:]), np.uint8)
    return cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)


@pytest.fixture
def make_sample(tmp_path):
    """Maker of predictions whose sources are files."""
    rng = np.random.RandomState(0)

    def make(stem='001', size=(40, 56), ir=None, **metainfo):
        paths = dict(vis_path=str(tmp_path / f'{stem}_vis.png'),
                     ir_path=str(tmp_path / f'{stem}_ir.png'))
        Path(paths['vis_path']).parent.mkdir(exist_ok=True)
        cv2.imwrite(paths['vis_path'], smooth(rng, *size, 3))
        cv2.imwrite(paths['ir_path'], smooth(rng, *size) if ir is None else ir)
        fused = smooth(rng, *size, 3).transpose(2, 0, 1) / 255
        fused = torch.from_numpy(fused + rng.uniform(-4e-3, 4e-3, fused.shape))
        return FusionDataSample(
            metainfo=dict(paths, stem=stem, modalities=LAYOUT, **metainfo),
            fused_img=PixelData(data=fused.float().clamp(0, 1)))

    return make


def measure(samples, size=None, **options):
    """What mmengine's loops get."""
    options.setdefault('metrics', NAMES)
    evaluator = Evaluator(dict(type='FusionMetric', **options))
    evaluator.process(samples, None)
    return evaluator.evaluate(size or len(samples))


def expected(sample, **options):
    """Values of the image that test_fusion.py saves."""
    meta = sample.metainfo
    vis = cv2.imread(meta['vis_path'])[..., ::-1]
    ir = cv2.imread(meta['ir_path'], cv2.IMREAD_GRAYSCALE)
    return compute(to_uint8(sample.fused_img.data),
                   (ir, np.ascontiguousarray(vis)), NAMES, **options)


def test_is_registered():
    assert METRICS.get('FusionMetric') is FusionMetric


def test_measures_the_saved_image_at_its_original_size(make_sample):
    # 24 x 32 is what the network saw
    sample = make_sample(img_shape=(24, 32), ori_shape=(40, 56))
    got = measure([sample])
    assert got == pytest.approx(
        {
            f'fusion/{k}': v for k, v in expected(sample).items()
        }, rel=1e-12)
    assert all(type(value) is float for value in got.values())


def test_channels(make_sample):
    sample = make_sample()
    got = measure([sample], channels='rgb')
    assert got['fusion/SF'] == pytest.approx(
        expected(sample, channels='rgb')['SF'])
    assert got['fusion/SF'] != pytest.approx(expected(sample)['SF'])


@pytest.mark.parametrize(
    'options',
    [{}, dict(quantize=False), dict(channels='rgb')])
def test_backends_agree_on_mixed_sizes(make_sample, options):
    samples = [
        make_sample('a'),
        make_sample('b', (33, 41)),
        make_sample('c'),
    ]
    options['statistics'] = ('mean', 'std', 'median')
    arrays = measure(samples, **options)
    tensors = measure(samples, backend='torch', **options)
    assert arrays == pytest.approx(tensors, rel=1e-9)


@pytest.mark.parametrize('backend', ['numpy', 'torch'])
def test_default_metrics(make_sample, backend):
    sample = make_sample(size=(165, 170))
    got = measure([sample], metrics=None, backend=backend)
    columns = PRESETS['default'].columns
    assert set(got) == {f'fusion/{name}' for name in columns}
    meta = sample.metainfo
    vis = np.ascontiguousarray(cv2.imread(meta['vis_path'])[..., ::-1])
    want = compute(to_uint8(sample.fused_img.data),
                   (cv2.imread(meta['ir_path'], 0), vis))
    assert got == pytest.approx(
        {
            f'fusion/{name}': value for name, value in want.items()
        }, rel=1e-9)


def test_without_rounding(make_sample):
    sample = make_sample()
    got = measure([sample], quantize=False)['fusion/SD']
    grey = np.array([0.299, 0.587, 0.114])
    luma = np.tensordot(grey, sample.fused_img.data.double().numpy(), 1) * 255
    # the grey image is one of integers; the channels were not rounded
    assert got == pytest.approx(np.rint(luma).std(), rel=1e-9)
    assert got != pytest.approx(measure([sample])['fusion/SD'], rel=1e-9)


def test_statistics_csv_and_prefix(make_sample, tmp_path):
    samples = [make_sample(stem) for stem in ('x', 'y', 'night/z')]
    file = tmp_path / 'new' / 'values.csv'
    got = measure(samples, prefix='ours', statistics=('mean', 'std', 'median'),
                  csv_file=str(file))
    rows = list(csv.DictReader(file.open()))
    assert [row['image'] for row in rows] == ['x', 'y', 'night/z']
    for name in NAMES:
        values = [expected(sample)[name] for sample in samples]
        np.testing.assert_allclose([float(row[name]) for row in rows], values)
        assert got[f'ours/{name}'] == pytest.approx(np.mean(values))
        assert got[f'ours/{name}_std'] == pytest.approx(np.std(values))
        assert got[f'ours/{name}_median'] == pytest.approx(np.median(values))
    assert [path.name for path in file.parent.iterdir()] == ['values.csv']


def test_each_evaluation_starts_anew(make_sample):
    metric = FusionMetric(NAMES)
    for stem in ('a', 'b'):
        sample = make_sample(stem)
        metric.process(None, [sample.to_dict()])
        assert metric.evaluate(1)['fusion/EN'] == pytest.approx(
            expected(sample)['EN'])


def test_padded_samples_are_not_counted(make_sample):
    samples = [make_sample(stem) for stem in 'abc']
    got = measure([*samples, samples[0]], size=3)
    assert got == pytest.approx(measure(samples))


@pytest.mark.parametrize('data_range, white', [(None, 65535), (4095, 4095),
                                               ((100, 4195), None)])
def test_deep_sources(make_sample, data_range, white):
    rng = np.random.RandomState(5)
    low = 100 if white is None else 0
    levels = smooth(rng, 40, 56)
    ir = low + levels.astype(np.float64) / 255 * (white or 4095)
    sample = make_sample(ir=np.rint(ir).astype(np.uint16))
    got = measure([sample], data_range=data_range)
    cv2.imwrite(sample.ir_path, levels)
    assert got == pytest.approx(
        {
            f'fusion/{k}': v for k, v in expected(sample).items()
        }, rel=1e-9)


def test_sources_are_read_as_the_pair_was(make_sample):
    """By what loaded the sample; the metric's own settings go first."""
    levels = smooth(np.random.RandomState(5), 40, 56)
    sample = make_sample(ir=(7000 + 8 * levels.astype(int)).astype(np.uint16))
    cv2.imwrite(sample.ir_path.replace('.png', '_plain.png'), levels)
    plain = sample.clone()
    plain.set_metainfo(
        dict(ir_path=sample.ir_path.replace('.png', '_plain.png')))
    want = measure([plain])
    loader = LoadFusionPair(uint16_range=(7000, 9040))
    sample.set_metainfo(dict(loader=loader))
    assert measure([sample]) == pytest.approx(want, rel=1e-9)
    sample.set_metainfo(dict(loader=LoadFusionPair(uint16_range=(0, 10000))))
    assert measure([sample])['fusion/MSE'] > 1.1 * want['fusion/MSE']
    got = measure([sample], data_range=(7000, 9040))
    assert got == pytest.approx(want, rel=1e-9)


def test_four_channel_files(make_sample, tmp_path):
    sample = make_sample()
    both = np.dstack([
        cv2.imread(sample.vis_path),
        cv2.imread(sample.ir_path, cv2.IMREAD_GRAYSCALE)
    ])
    want = measure([sample])
    path = str(tmp_path / 'both.png')
    cv2.imwrite(path, both)
    sample.set_metainfo(dict(vis_path=path, ir_path=path))
    assert measure([sample]) == want


def test_other_modalities(make_sample):
    """Infrared comes first, the others in their order."""
    sample = make_sample()
    meta = sample.metainfo
    sample.set_metainfo(
        dict(modalities=dict(depth=(0, 1), vis=(1, 4)),
             depth_path=meta['ir_path']))
    assert measure([sample]) == pytest.approx({
        f'fusion/{k}': v for k, v in expected(sample).items()
    })


def test_sizes_that_differ(make_sample):
    sample = make_sample('lost')
    cv2.imwrite(sample.ir_path, np.zeros((20, 28), np.uint8))
    with pytest.raises(ValueError, match='lost: .*28x20'):
        measure([sample])
    assert 'fusion/EN' in measure([sample], on_size_mismatch='resize_ir')
    sample.fused_img = PixelData(data=torch.rand(3, 8, 8))
    for backend in ('numpy', 'torch'):
        with pytest.raises(ValueError, match='lost: .*8x8'):
            measure([sample], on_size_mismatch='resize_ir', backend=backend)


def test_images_too_small_for_the_default_preset(make_sample):
    """The tools turn this error into one line."""
    with pytest.raises(UsageError, match=r'small: .*MS_SSIM \(161\).*Leave'):
        measure([make_sample('small')], metrics=None)


def test_samples_without_what_is_needed(make_sample):
    sample = make_sample()
    del sample.fused_img
    with pytest.raises(ValueError, match='"fused_img".*ImageFuser'):
        measure([sample])
    bare = FusionDataSample(fused_img=PixelData(data=torch.rand(3, 8, 8)))
    with pytest.raises(ValueError, match='"modalities".*LoadFusionPair'):
        measure([bare])


@pytest.mark.parametrize('options, message', [
    (dict(metrics=['EN', 'beauty']), 'beauty.*Presets: default'),
    (dict(preset='mine'), 'mine'),
    (dict(metrics='EN', backend='jax'), "'numpy' or 'torch'.*jax"),
    (dict(metrics='EN', channels='hsv'), "'gray' or 'rgb'.*hsv"),
    (dict(metrics='EN', statistics=['mode']), "'median' or 'std'.*mode"),
])
def test_unknown_names(options, message):
    with pytest.raises(ValueError, match=message):
        FusionMetric(**options)


def test_metrics_without_a_number_do_not_reach_the_mean(
        make_sample, monkeypatch):
    monkeypatch.setattr('mmfusion.evaluation.metrics.fusion_metric.compute',
                        lambda *args, **kwargs: dict(EN=float('nan'), SD=1.))
    with pytest.raises(ValueError, match='001: .*finite.*EN'):
        measure([make_sample()])


def test_validation_while_training(tmp_path):
    """Next to IoUMetric; its numbers arrive in the log."""
    configs = tiny_project.make_project(tmp_path)
    (configs / 'both.py').write_text(
        '_base_ = "./stage2.py"\n'
        'model = dict(fuser=dict(init_cfg=None))\n'
        'stage1_checkpoint = None\n'
        'val_evaluator = [_base_.val_evaluator, dict(\n'
        f'    type="FusionMetric", metrics={NAMES}, csv_file="'
        f'{tmp_path}/val.csv")]\n')
    tiny_project.train_with(configs / 'both.py', '--work-dir',
                            tmp_path / 'run')
    log, = (tmp_path / 'run').rglob('scalars.json')
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    last = [line for line in lines if 'mIoU' in line][-1]
    assert {f'fusion/{name}' for name in NAMES} <= set(last)
    assert len((tmp_path / 'val.csv').read_text().splitlines()) == 4


def test_two_processes_count_every_image_once(tmp_path):
    """Five images on two gloo processes: the sixth is padding."""
    configs = tiny_project.make_project(tmp_path)
    tiny_project.write_pairs(tmp_path / 'data', count=5)
    config = configs / 'score.py'
    config.write_text(
        '_base_ = "./common.py"\n'
        'model = dict(type="ImageFuser", fuser=_base_.fuser,\n'
        '             data_preprocessor=_base_.preprocessor)\n'
        'val_dataloader = None\nval_cfg = None\n'
        'randomness = dict(seed=0)\n'
        f'test_evaluator = dict(type="FusionMetric", metrics={NAMES},\n'
        f'    csv_file="{tmp_path}/two.csv")\n')
    done = subprocess.run([
        sys.executable, '-m', 'torch.distributed.run', '--standalone',
        '--nproc-per-node=2',
        str(WORKER),
        str(config),
        str(tmp_path)
    ], cwd=tmp_path, env=dict(os.environ, PYTHONPATH=str(ROOT),
                              OMP_NUM_THREADS='1'), capture_output=True,
                          text=True, timeout=300)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    rows = list(csv.DictReader((tmp_path / 'two.csv').open()))
    assert [row['image'] for row in rows] == [f'{i:03d}' for i in range(5)]
    cfg = Config.fromfile(config)
    cfg.merge_from_dict({
        'work_dir': str(tmp_path / 'one'),
        'test_evaluator.csv_file': str(tmp_path / 'one.csv')
    })
    alone = Runner.from_cfg(cfg).test()
    for rank in range(2):
        got = json.loads((tmp_path / f'rank_{rank}.json').read_text())
        assert got == pytest.approx(alone, rel=1e-4)
    for ours, theirs in zip(csv.DictReader((tmp_path / 'one.csv').open()),
                            rows, strict=True):
        assert ours['image'] == theirs['image']
        for name in NAMES:
            assert float(ours[name]) == pytest.approx(float(theirs[name]),
                                                      rel=1e-4)
            assert alone[f'fusion/{name}'] == pytest.approx(
                np.mean([float(row[name]) for row in rows]), rel=1e-4)
