"""FLOPs, speed, statistics of fused sets, panels, printed configs."""
import json
import re
import time

import cv2
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from mmfusion.analysis import complexity
from mmfusion.analysis.fused_statistics import ChannelStatistics
from mmfusion.analysis.speed import measure
from mmfusion.cli.legacy import UsageError
from mmfusion.utils.config_file import load_config
from tests.support import tiny_project


class Counted(nn.Module):
    """Operations whose FLOPs are known."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(4, 6, 3, padding=1)
        self.project = nn.Linear(6, 8)

    def forward(self, inputs):
        tokens = self.project(self.conv(inputs).flatten(2).mT)
        return F.scaled_dot_product_attention(tokens, tokens, tokens)


def test_flops_by_hand():
    network = Counted()
    n = 5 * 7
    counts = complexity.count_flops(network, (5, 7))
    assert counts['conv'] == 2 * 9 * 4 * 6 * n
    assert counts['project'] == 2 * 6 * 8 * n
    # attention: scores and their products with the values
    assert counts[''] == counts['conv'] + counts['project'] + 4 * n * n * 8
    assert complexity.count_parameters(network) == 222 + 56


def test_flops_grow_with_the_area_and_cost_no_memory(project):
    network = complexity.network_of(load_config(project / 'stage2.py'),
                                    'fuser')
    small = complexity.count_flops(network, (64, 64))['']
    large = complexity.count_flops(network, (6400, 6400))['']
    assert large / small == pytest.approx(100**2, rel=0.02)
    # and leaves the network usable
    assert network(torch.rand(1, 4, 64, 64)).shape == (1, 3, 64, 64)


def test_fuser_part(project):
    cfg = load_config(project / 'stage2.py')
    full = complexity.network_of(cfg)
    part = complexity.network_of(cfg, 'fuser')
    assert complexity.count_parameters(part) == sum(
        p.numel() for p in full.fuser.parameters())
    assert part(torch.rand(1, 4, 40, 56)).shape == (1, 3, 40, 56)
    assert complexity.count_flops(part,
                                  (64, 64))[''] == complexity.count_flops(
                                      full, (64, 64))['fuser']
    with pytest.raises(UsageError, match='full'):
        complexity.network_of(cfg, 'half')


def test_get_flops_tool(project, call, capsys):
    assert call('analysis_tools/get_flops.py', project / 'stage1.py',
                '--shape', 64, 96) == 0
    text = capsys.readouterr().out
    assert 'fuser.vis_encoder' in text and '64x96' in text
    assert call('analysis_tools/get_flops.py', project / 'stage1.py',
                '--shape', 0, 96) == 2


class Slow(nn.Module):
    """Sleeps, and holds 64 MiB while it runs."""

    def forward(self, inputs):
        held = torch.ones(16 * 2**20)
        time.sleep(0.02)
        return inputs + held[0]


def test_measure():
    result = measure(Slow(), torch.zeros(4, 4, 2, 2), warmup=1, runs=3)
    assert 20 <= result['fastest_ms'] <= result['latency_ms']
    assert result['latency_ms'] <= result['slowest_ms']
    assert result['images_per_s'] == pytest.approx(4000 / result['latency_ms'])
    if not np.isnan(result['peak_memory_mib']):
        assert 48 < result['peak_memory_mib'] < 160
    with pytest.raises(UsageError, match='got 0'):
        measure(Slow(), torch.zeros(1, 4, 2, 2), runs=0)


@pytest.mark.parametrize('flags', [(), ('--no-optimize', ),
                                   ('--dtype', 'bf16', '--batch', 2),
                                   ('--part', 'fuser')])
def test_benchmark_tool(project, call, capsys, tmp_path, flags):
    file = tmp_path / 'sub' / 'b.json'
    assert call('analysis_tools/benchmark.py', project / 'stage2.py',
                '--shape', 40, 56, '--runs', 2, '--warmup', 1, '--json', file,
                *flags) == 0
    text = capsys.readouterr().out
    result = json.loads(file.read_text())
    for name in ('parameters_m', 'gflops', 'latency_ms', 'images_per_s',
                 'peak_memory_mib'):
        assert result[name] > 0 or name == 'peak_memory_mib'
        assert name in text
    assert result['optimized'] == ('--no-optimize' not in flags)


def test_statistics_of_a_stream():
    rng = np.random.RandomState(0)
    images = [rng.randint(0, 256, (h, 5, 3), np.uint8) for h in (3, 8, 1)]
    statistics = ChannelStatistics()
    for image in images:
        statistics.add(image)
    pixels = np.concatenate([image.reshape(-1, 3) for image in images])
    mean, std = statistics.result()
    np.testing.assert_allclose(mean, pixels.mean(0))
    np.testing.assert_allclose(std, pixels.std(0))
    with pytest.raises(UsageError, match='at least one image'):
        ChannelStatistics().result()


def values(text):
    return {
        name: [float(v) for v in numbers.split(', ')]
        for name, numbers in re.findall(r'(task_\w+)=\[(.*?)\]', text)
    }


def test_statistics_of_a_model_equal_those_of_its_files(
        trained, call, capsys, tmp_path):
    config = trained / 'configs' / 'fusers' / 'stage1.py'
    checkpoint = trained / 'stage1' / 'iter_2.pth'
    assert call('test_fusion.py', config, checkpoint, '--out-dir', tmp_path,
                '--device', 'cpu') == 0
    capsys.readouterr()
    assert call('analysis_tools/fused_mean_std.py', config, checkpoint,
                '--device', 'cpu') == 0
    of_model = values(capsys.readouterr().out)
    assert call('analysis_tools/fused_mean_std.py', '--images', tmp_path) == 0
    of_files = values(capsys.readouterr().out)
    assert of_model == of_files and len(of_model['task_mean']) == 3
    pixels = np.concatenate([
        cv2.imread(str(path))[..., ::-1].reshape(-1, 3)
        for path in tmp_path.glob('*.png')
    ])
    np.testing.assert_allclose(of_files['task_mean'], pixels.mean(0),
                               atol=6e-4)
    np.testing.assert_allclose(of_files['task_std'], pixels.std(0), atol=6e-4)


def test_statistics_need_one_source(call, capsys, tmp_path):
    for flags in ((), ('c.py', ), ('c.py', 'p.pth', '--images', tmp_path)):
        assert call('analysis_tools/fused_mean_std.py', *flags) == 2
        assert 'either CONFIG and CHECKPOINT' in capsys.readouterr().err
    assert call('analysis_tools/fused_mean_std.py', '--images', tmp_path) == 2
    assert 'got none' in capsys.readouterr().err


def test_browse_dataset(project, call, capsys, tmp_path):
    out = tmp_path / 'panels'
    config = project / 'stage2.py'
    assert call('analysis_tools/browse_dataset.py', config, '--output-dir',
                out, '--number', 2) == 0
    assert sorted(path.name for path in out.iterdir()) == [
        '00000_000.png', '00001_001.png'
    ]
    # visible, infrared and labels side by side
    panel = cv2.imread(str(out / '00000_000.png'))
    assert panel.shape[1] > 3 * tiny_project.SIZE[1]
    assert call('analysis_tools/browse_dataset.py', project / 'stage1.py',
                '--output-dir', out, '--phase', 'test') == 2
    assert "['train', 'fusion']" in capsys.readouterr().err
    assert call('analysis_tools/browse_dataset.py', config, '--output-dir',
                out, '--number', 0) == 2


def test_browse_dataset_shows_the_augmentation(project, call, tmp_path):
    (project / 'flipped.py').write_text(
        '_base_ = "./stage2.py"\n'
        'train_dataloader = dict(dataset=dict(pipeline=[\n'
        '    *_base_.load, dict(type="RandomFlip", prob=1.0),\n'
        '    *_base_.pack]))\n')
    found = {}
    for name in ('flipped', 'stage2'):
        phase = 'train' if name == 'flipped' else 'test'
        assert call('analysis_tools/browse_dataset.py', project / f'{name}.py',
                    '--output-dir', tmp_path / name, '--number', 1, '--phase',
                    phase) == 0
        found[name] = cv2.imread(str(tmp_path / name / '00000_000.png'))
    height, width = tiny_project.SIZE
    vis = cv2.imread(str(project.parents[1] / 'data' / 'vis' / '000.png'))

    def contains(panel, image):
        scores = cv2.matchTemplate(panel, image, cv2.TM_SQDIFF_NORMED)
        return scores.min() < 1e-4

    assert contains(found['stage2'], vis)
    assert not contains(found['flipped'], vis)
    assert contains(found['flipped'], np.ascontiguousarray(vis[:, ::-1]))


def test_print_config(project, call, capsys):
    assert call('misc/print_config.py', project / 'stage2.py', '--cfg-options',
                'train_cfg.max_iters=7') == 0
    text = capsys.readouterr().out
    assert 'max_iters=7' in text and 'MixVisionTransformer' in text
